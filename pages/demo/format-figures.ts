// Formats the figures of the demo page.

import { formatCount } from '../shared/format.ts';

/** `0.8`, `9.5`, `212`, `1,204`: one decimal below ten, none above. */
export function formatFigure(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** `23`, without the unit. */
export const formatMegabytes = (bytes: number): string => formatFigure(bytes / 1e6);

/** `0.62`, or `−0.05` with a typographic minus sign. */
export const formatScore = (value: number): string => value.toFixed(2).replace('-', '−');

/** `1 text`, `1,024 texts`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** A share of 0…1 as a whole percentage. */
export const toPercent = (share: number): number => Math.round(share * 100);
