// Formats a benchmark's rows as a table: measures, figures with units, and whether targets are met.

import { isMet, type Row } from './benchmark.ts';

/** `embedding, ours 1,355 texts/s at least 800: met` */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => ({
    measure: row.measure,
    value: figure(row.value),
    unit: row.unit,
    target:
      row.target === null
        ? ''
        : `${row.target.bound} ${figure(row.target.value)}: ${isMet(row) ? 'met' : 'NOT MET'}`,
  }));
  const width = (of: (cell: (typeof cells)[number]) => string): number =>
    Math.max(0, ...cells.map((cell) => of(cell).length));
  const [measures, values, units] = [
    width(({ measure }) => measure),
    width(({ value }) => value),
    width(({ unit }) => unit),
  ];
  return cells
    .map(({ measure, value, unit, target }) =>
      [`  ${measure.padEnd(measures)}`, `${value.padStart(values)} ${unit.padEnd(units)}`, target]
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three significant digits: `0.123`, `4.56`, `78.9`, `1,234`. */
export function figure(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
