// What the demo shows at its end: a table for people, one JSON object for programs, searches, and
// what to try next.

import { bold, cyan, dim, green } from '../colours.ts';
import { count, duration } from '../progress-bar.ts';
import type { JobResult } from './demo-job.ts';

export const exampleQueries = [
  'wireless headphones for the gym',
  'warm winter jacket',
  'comfortable shoes for running',
] as const;

/** The last line of `--json`. Other programs rely on its shape. */
export function summaryJson(result: JobResult): string {
  const { p50, p95, p99, max } = result.stats.latency_ms;
  return JSON.stringify({
    events: result.events,
    stored: result.stored,
    deadLettered: result.deadLettered,
    seconds: rounded(result.seconds, 3),
    eventsPerSecond: rounded(result.events / result.seconds, 1),
    latencyMs: { p50, p95, p99, max },
    uniqueTexts: result.uniqueTexts,
    embeddedTexts: result.embeddedTexts,
    runners: result.stats.runners.map(
      ({ kind, device, dtype, texts_per_second: textsPerSecond }) => ({
        kind,
        device,
        dtype,
        textsPerSecond,
      }),
    ),
  });
}

export function summaryTable(result: JobResult): string {
  const { runners, memory } = result.stats;
  const rate = count(Math.round(result.events / result.seconds));
  const texts = count(result.uniqueTexts);
  const rows: (readonly [string, string])[] = [
    ['events', count(result.events)],
    ['stored', bold(green(count(result.stored)))],
    ['dead-lettered', deadLetterCell(result)],
    ['time', `${duration(result.seconds)}, ${rate} events/s`],
    ['latency', latencyCell(result)],
    ['distinct texts', `${texts}, of which ${count(result.embeddedTexts)} were new and embedded`],
    ...runners.map(
      ({ name, kind, device, dtype, texts_per_second: perSecond }) =>
        ['runner', `${name}: ${kind}, ${device}, ${dtype}, ${count(perSecond)} texts/s`] as const,
    ),
    ['gateway memory', `${count(Math.round(memory.rss_bytes / 1e6))} MB`],
    ...(result.restarts > 0 ? [['gateway restarts', count(result.restarts)] as const] : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `\n${rows.map(([name, value]) => `  ${dim(name.padEnd(width))}  ${value}`).join('\n')}\n`;
}

function deadLetterCell({ deadLettered, deadLetteredByReason }: JobResult): string {
  const reasons = Object.entries(deadLetteredByReason)
    .map(([reason, total]) => `${reason} ${count(total)}`)
    .join(', ');
  return `${count(deadLettered)}${reasons === '' ? '' : ` (${reasons})`}`;
}

function latencyCell({ stats: { latency_ms: latency }, restarts }: JobResult): string {
  const figures = (['p50', 'p95', 'p99', 'max'] as const)
    .map((name) => `${name} ${milliseconds(latency[name])}`)
    .join(', ');
  return `${figures}, from received to searchable${restarts > 0 ? ', since the last restart' : ''}`;
}

const defaultUrl = 'http://127.0.0.1:8080';

/**
 * The addresses to open, and commands that bash, zsh and PowerShell take as they are: PowerShell
 * would swallow `--` without quotes, and zsh an unquoted `?`.
 */
export function nextSteps(url: string, logPath: string): string {
  const target = url === defaultUrl ? '' : ` --target ${url}`;
  const search = `"gift for a coffee lover"${target}`;
  return [
    `The gateway stays up until Ctrl-C. Open:`,
    '',
    `  ${cyan(`${url}/`)}         health, speed and the newest events, live; starts more of them`,
    `  ${cyan(`${url}/search`)}   search what was just stored`,
    `  ${cyan(`${url}/demo`)}     embed, map and search a list of your own in the browser`,
    `  ${cyan(`${url}/docs`)}     every call of the API, to try`,
    '',
    'Or in another terminal:',
    '',
    cyan(`  npm run search ${target === '' ? search : `"--" ${search}`}`),
    cyan(`  npm run status${target === '' ? '' : ` "--"${target}`}`),
    cyan(`  npm run generate "--" --count 1000 --rate 100${target}`),
    '',
    dim(`Its log is ${logPath}.`),
    '',
  ].join('\n');
}

/** What a person should know when the demo has ended. */
export const farewell = (folder: string): string =>
  `\nStopped. The events of the demo are in ${folder}, and the next demo adds to them: start it ` +
  'with --reset, or remove the folder, to begin anew. npm start has a folder of its own.\n';

/** Why the totals do not add up; `null` when they do. */
export function shortfall({ events, stored, deadLettered }: JobResult): string | null {
  const missing = events - stored - deadLettered;
  if (missing === 0) return null;
  const what = missing > 0 ? 'neither stored nor dead-lettered' : 'counted twice';
  return (
    `${count(Math.abs(missing))} of ${count(events)} events are ${what}: ` +
    'is another program sending to this gateway?'
  );
}

const milliseconds = (value: number): string =>
  value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
