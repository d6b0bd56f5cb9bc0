// Finds the failing field of an event in its indented JSON.

export type FailingLines = {
  readonly before: string;
  readonly failing: string;
  readonly after: string;
};

const charactersMax = 200;

/**
 * The line of the field, and its neighbours; `null` when the event lacks it.
 *
 * @param text JSON with two spaces for each level
 * @param field such as `product.price`
 */
export function failingLines(text: string, field: string): FailingLines | null {
  const lines = text.split('\n');
  let at = 0;
  for (const [depth, name] of field.split('.').entries()) {
    const indent = '  '.repeat(depth + 1);
    const start = `${indent}${JSON.stringify(name)}:`;
    const inside = lines.slice(at + 1);
    const end = inside.findIndex((line) => !line.startsWith(indent));
    const index = inside.findIndex((line) => line.startsWith(start));
    if (index === -1 || (end !== -1 && end < index)) return null;
    at += 1 + index;
  }
  return { before: cut(lines[at - 1]), failing: cut(lines[at]), after: cut(lines[at + 1]) };
}

const cut = (line = ''): string =>
  line.length > charactersMax ? `${line.slice(0, charactersMax)}…` : line;
