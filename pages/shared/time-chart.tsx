// Draws figures over time. The chart's library is loaded with the first chart, after the page.

import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';

export type ChartLine = {
  readonly label: string;
  /** A custom property of the style sheet, such as `--line-1`. */
  readonly color: string;
  /** One for each time; `null` leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
};

export type TimeChartProps = {
  /** Times in seconds since 1970, rising. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** The least value at the top: whole numbers need room for more than one. */
  readonly topMin: number;
};

const height = 148;

export function TimeChart({ times, lines, format, topMin }: TimeChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(times);
  const data = useRef(lines);
  const [pointed, setPointed] = useState<number | null>(null);
  const [theme, setTheme] = useState(0);
  const [isMissing, setMissing] = useState(false);
  [newest.current, data.current] = [times, lines];

  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const change = (): void => setTheme((count) => count + 1);
    scheme.addEventListener('change', change);
    return () => scheme.removeEventListener('change', change);
  }, []);

  useEffect(() => {
    let isGone = false;
    const resize = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0) plot.current?.setSize({ width, height });
    });
    const draw = ({ default: Plot }: { readonly default: typeof uPlot }): void => {
      if (isGone || frame.current === null) return;
      const { clientWidth } = frame.current;
      plot.current = new Plot(
        optionsOf(frame.current, clientWidth, data.current, { format, topMin }, setPointed),
        aligned(newest.current, data.current),
        frame.current,
      );
      resize.observe(frame.current);
    };
    // It needs the browser's language, which a browser without a locale does not name rightly.
    import('uplot').then(draw).catch(() => setMissing(true));
    return () => {
      isGone = true;
      resize.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [theme]);

  useEffect(() => plot.current?.setData(aligned(times, lines)), [times, lines]);

  return (
    <figure class="chart">
      <figcaption class="chart-legend">
        {lines.map(({ label, color, values }) => (
          <span key={label} class={color.slice(2)}>
            {label} <b>{said(pointed === null ? lastOf(values) : values[pointed], format)}</b>
          </span>
        ))}
        <span class="chart-time">{pointed !== null && timeAt(times[pointed])}</span>
      </figcaption>
      {isMissing && <p class="hint">This browser could not draw the chart.</p>}
      <div class="chart-frame" ref={frame} aria-hidden="true" />
    </figure>
  );
}

const aligned = (times: readonly number[], lines: readonly ChartLine[]): uPlot.AlignedData => [
  [...times],
  ...lines.map(({ values }) => [...values]),
];

const said = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? '–' : format(value);

const lastOf = (values: readonly (number | null)[]): number | null =>
  values.findLast((value) => value !== null) ?? null;

const timeAt = (seconds: number | undefined): string =>
  seconds === undefined ? '' : new Date(seconds * 1000).toLocaleTimeString();

function optionsOf(
  frame: HTMLElement,
  width: number,
  lines: readonly ChartLine[],
  { format, topMin }: Pick<TimeChartProps, 'format' | 'topMin'>,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(frame);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--quiet'),
    font: `11px ${style.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: colour('--line'), width: 1 },
    gap: 6,
  };
  return {
    width,
    height,
    // Room for half of the last time.
    padding: [8, 24, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_, __, most) => [0, Math.max(topMin, most > 0 ? most * 1.15 : 1)] } },
    axes: [
      { ...axis, size: 26, grid: { show: false }, space: 64, values: clockTimes },
      {
        ...axis,
        size: 52,
        space: 34,
        values: (_, ticks) => ticks.map((tick) => format(tick)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, color, isFilled }) => ({
        label,
        stroke: colour(color),
        width: 1.5,
        points: { show: false },
        ...(isFilled === true && { fill: `${colour(color)}1f` }),
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  };
}

/** `14:05`, and with seconds where the ticks are closer than a minute. */
function clockTimes(_: uPlot, ticks: number[]): string[] {
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  return ticks.map((tick) =>
    new Date(tick * 1000).toLocaleTimeString('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      ...(step > 0 && step < 60 && { second: '2-digit' }),
    }),
  );
}
