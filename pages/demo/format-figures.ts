// How figures read on the page.

/** `0.8`, `9.5`, `212`, `1,204`: as many digits as mean something. */
export function figure(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

export const megabytes = (bytes: number): string => figure(bytes / 1e6);

/** `0.62`; a minus sign where it belongs. */
export const score = (value: number): string => value.toFixed(2).replace('-', '−');

/** Share as a percentage of 0…100 without digits. */
export const percent = (share: number): number => Math.round(share * 100);

/** `1 text`, `24 texts`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
