// Compares the samples of a soak with bounds: each series has a highest level, and a highest slope
// that would become a problem within days.

import { at } from '#core/errors/assert.ts';
import { median } from '../figures.ts';
import { figure } from '../table.ts';
import type { Sample } from './sample.ts';
import { trendOf, withoutWarmUp } from './trend.ts';

type Series = {
  readonly name: string;
  readonly unit: string;
  readonly of: (sample: Sample) => number | null;
  /** The median must stay below this. */
  readonly levelMax: number;
  /** It may rise by this share of its level per hour … */
  readonly risePerHourMax: number;
  /** … and by this share once, as when a cache fills or garbage is not collected yet. */
  readonly stepMax: number;
  /** A lower level counts as this much, since shares of a tiny level mean nothing. */
  readonly levelMin: number;
};

const series: readonly Series[] = [
  {
    name: 'resident memory',
    unit: 'MB',
    of: ({ rssBytes }) => rssBytes / 1e6,
    levelMax: 300,
    risePerHourMax: 0.1,
    stepMax: 0.05,
    levelMin: 50,
  },
  {
    name: 'heap in use',
    unit: 'MB',
    of: ({ heapBytes }) => heapBytes / 1e6,
    levelMax: 200,
    risePerHourMax: 0.25,
    stepMax: 0.15,
    levelMin: 20,
  },
  {
    name: 'memory of the open page',
    unit: 'MB',
    of: ({ pageBytes }) => (pageBytes === null ? null : pageBytes / 1e6),
    levelMax: 150,
    risePerHourMax: 0.1,
    stepMax: 0.05,
    levelMin: 10,
  },
  {
    name: 'open file handles',
    unit: '',
    of: ({ fileHandles }) => fileHandles,
    levelMax: 512,
    risePerHourMax: 0.05,
    stepMax: 0.05,
    levelMin: 20,
  },
  {
    name: 'event loop delay, p99',
    unit: 'ms',
    of: ({ eventLoopDelayMs }) => eventLoopDelayMs,
    levelMax: 200,
    risePerHourMax: 0.5,
    stepMax: 0.5,
    levelMin: 10,
  },
  {
    name: 'event to searchable, p99',
    unit: 'ms',
    of: ({ searchableMs }) => searchableMs,
    levelMax: 5_000,
    risePerHourMax: 0.5,
    stepMax: 0.5,
    levelMin: 100,
  },
  {
    name: 'unsettled events',
    unit: '',
    of: ({ unsettled }) => unsettled,
    levelMax: 2_048,
    risePerHourMax: 0.5,
    stepMax: 0.5,
    levelMin: 200,
  },
  {
    name: 'events behind',
    unit: '',
    of: ({ lag }) => lag,
    levelMax: 10_000,
    risePerHourMax: 0.5,
    stepMax: 0.5,
    levelMin: 500,
  },
];

const warmUpShare = 0.2;

export type Verdict = {
  readonly name: string;
  readonly unit: string;
  readonly level: number;
  readonly levelMax: number;
  /** The change per hour, in the series' unit; `null` for too few samples. */
  readonly slope: number | null;
  /** Higher for a shorter run, in which a single step weighs more. */
  readonly slopeMax: number;
  readonly isKept: boolean;
};

/**
 * One verdict per series with values. A slope fails only when it exceeds its bound with confidence,
 * so that a short, noisy run does not fail.
 */
export function verdictsOf(samples: readonly Sample[]): readonly Verdict[] {
  return series.flatMap(({ name, unit, of, levelMax, risePerHourMax, stepMax, levelMin }) => {
    const points = withoutWarmUp(
      samples.map((sample) => ({ x: sample.seconds / 3600, sample })),
      warmUpShare,
    ).flatMap(({ x, sample }) => {
      const y = of(sample);
      return y === null ? [] : [{ x, y }];
    });
    if (points.length === 0) return [];
    const level = median(points.map(({ y }) => y));
    const trend = trendOf(points);
    const hours = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
    const slopeMax = (risePerHourMax + stepMax / hours) * Math.max(level, levelMin);
    return [
      {
        name,
        unit,
        level,
        levelMax,
        slope: trend?.slope ?? null,
        slopeMax,
        isKept: level < levelMax && (trend === null || trend.atLeast <= slopeMax),
      },
    ];
  });
}

/** One line per series. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const cells = verdicts.map(({ name, unit, level, levelMax, slope, slopeMax, isKept }) => [
    name,
    `${figure(level)} ${unit}`.trim(),
    `below ${figure(levelMax)}`,
    slope === null ? 'too few samples' : `${figure(slope)}/h`,
    `at most ${figure(slopeMax)}/h`,
    isKept ? 'kept' : 'BROKEN',
  ]);
  const rows = [['', 'median', 'bound', 'slope', 'bound', ''], ...cells];
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const padded = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(at(widths, column)) : cell.padStart(at(widths, column));
  return rows.map((row) => `  ${row.map(padded).join('  ')}`.trimEnd()).join('\n');
}
