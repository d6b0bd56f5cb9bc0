// Tells text that can be seen from text that is blank.

// oxlint-disable-next-line no-control-regex -- these characters are not visible
export const visible = /[^\s\u0000-\u001f\u007f-\u009f]/u;

/** A blank description, category or query counts as absent. */
export function visibleText(value: unknown): string | null {
  return typeof value === 'string' && visible.test(value) ? value : null;
}
