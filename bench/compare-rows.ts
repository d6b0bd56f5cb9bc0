// Puts the figures of two versions side by side.

import { row, type Row } from './benchmark.ts';
import { median, medianRatio } from './figures.ts';

/** The rows of both versions in one turn, in which they ran one after the other. */
export type Turn = { readonly ours: readonly Row[]; readonly theirs: readonly Row[] };

/**
 * Each row of the present version, with the median of the turns, and after it the median of its
 * ratios to the same row of the other version. A row that only one version has gets no ratio.
 */
export function compareRows(turns: readonly Turn[], other: string): readonly Row[] {
  const [first] = turns;
  return (first?.ours ?? []).flatMap(({ measure, unit, target }) => {
    const pairs = turns.map(({ ours, theirs }) => ({
      ours: valueOf(ours, measure),
      theirs: valueOf(theirs, measure),
    }));
    const ratio = medianRatio(pairs);
    const own = row(measure, median(pairs.map(({ ours }) => ours)), unit, target);
    return Number.isFinite(ratio) ? [own, row(`… ratio to ${other}`, ratio, '×')] : [own];
  });
}

const valueOf = (rows: readonly Row[], wanted: string): number =>
  rows.find(({ measure }) => measure === wanted)?.value ?? Number.NaN;
