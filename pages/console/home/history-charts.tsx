// The figures of the last minute up to the last day, as four charts.

import { useMemo } from 'preact/hooks';
import type { StatsHistory } from '../../../client/client.ts';
import { Choice } from '../../shared/components.tsx';
import { formatCount, formatRate } from '../../shared/format.ts';
import { TimeChart, type TimeChartProps } from '../../shared/time-chart.tsx';
import { latencyText } from '../rates.ts';

const ranges = [
  [60, '1 min'],
  [300, '5 min'],
  [3600, '1 h'],
  [21_600, '6 h'],
  [86_400, '24 h'],
] as const;
export type RangeSeconds = (typeof ranges)[number][0];

export function HistoryCharts({
  history,
  seconds,
  onSeconds,
}: {
  readonly history: StatsHistory | null;
  readonly seconds: RangeSeconds;
  readonly onSeconds: (seconds: RangeSeconds) => void;
}) {
  const charts = useMemo(() => (history === null ? null : chartsOf(history)), [history]);
  return (
    <section class="card" aria-label="Figures over time">
      <header class="card-head">
        <h2>Over time</h2>
        <Choice
          label="How far back"
          name="range"
          options={ranges}
          value={seconds}
          onChange={onSeconds}
        />
      </header>
      <div class="charts">
        {charts === null && (
          <p class="quiet" role="status">
            Reading the figures…
          </p>
        )}
        {charts?.map(({ title, ...chart }) => (
          <div key={title}>
            <h3>{title}</h3>
            <TimeChart {...chart} />
          </div>
        ))}
      </div>
    </section>
  );
}

type Chart = TimeChartProps & { readonly title: string };

const wholeNumber = (value: number): string => formatCount(Math.round(value));
const perSecond = (value: number): string => formatRate(value).replace('.0', '');

function chartsOf(history: StatsHistory): readonly Chart[] {
  const { step_seconds: step, latency_ms: latency } = history;
  const from = Date.parse(history.from) / 1000;
  const times = history.received.map((_, index) => from + (index + 1) * step);
  const rate = (counts: readonly (number | null)[]) =>
    counts.map((count) => (count === null ? null : count / step));
  return [
    {
      title: 'Events a second',
      times,
      format: perSecond,
      topMin: 0,
      lines: [
        { label: 'in', color: '--line-2', values: rate(history.received) },
        { label: 'searchable', color: '--line-1', values: rate(history.stored), isFilled: true },
      ],
    },
    {
      title: 'Event to searchable',
      times,
      format: latencyText,
      topMin: 0,
      lines: [
        { label: 'p50', color: '--line-1', values: latency.p50, isFilled: true },
        { label: 'p95', color: '--line-2', values: latency.p95 },
        { label: 'p99', color: '--line-3', values: latency.p99 },
      ],
    },
    {
      title: 'Waiting in the log',
      times,
      format: wholeNumber,
      topMin: 4,
      lines: [{ label: 'events', color: '--line-1', values: history.lag, isFilled: true }],
    },
    {
      title: 'Texts embedded a second',
      times,
      format: perSecond,
      topMin: 0,
      lines: [
        { label: 'texts', color: '--line-1', values: rate(history.texts_embedded), isFilled: true },
      ],
    },
  ];
}
