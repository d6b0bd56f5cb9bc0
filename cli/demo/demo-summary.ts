// What the demo shows at its end: a table for people, one JSON object for programs, searches, and
// what to try next.

import type { SearchAnswer } from '../gateway-client.ts';
import { count, duration } from '../progress-bar.ts';
import type { JobResult } from './demo-job.ts';

export const exampleQueries = [
  'wireless headphones for the gym',
  'warm winter jacket',
  'comfortable shoes for running',
] as const;

/** The last line of `--json`; its shape is what other programs rely on. */
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
  const { latency_ms: latency, runners, memory } = result.stats;
  const reasons = Object.entries(result.deadLetteredByReason)
    .map(([reason, letters]) => `${reason} ${count(letters)}`)
    .join(', ');
  const rows: (readonly [string, string])[] = [
    ['events', count(result.events)],
    ['stored', count(result.stored)],
    ['dead-lettered', `${count(result.deadLettered)}${reasons === '' ? '' : ` (${reasons})`}`],
    [
      'time',
      `${duration(result.seconds)}, ${count(Math.round(result.events / result.seconds))} events/s`,
    ],
    [
      'latency',
      `p50 ${milliseconds(latency.p50)}, p95 ${milliseconds(latency.p95)}, p99 ${milliseconds(latency.p99)}, max ${milliseconds(latency.max)}, from received to searchable${result.restarts > 0 ? ', since the last restart' : ''}`,
    ],
    [
      'distinct texts',
      `${count(result.uniqueTexts)}, of which ${count(result.embeddedTexts)} were new and embedded`,
    ],
    ...runners.map(
      (runner) =>
        [
          'runner',
          `${runner.name}: ${runner.kind}, ${runner.device}, ${runner.dtype}, ${count(runner.texts_per_second)} texts/s`,
        ] as const,
    ),
    ['gateway memory', `${count(Math.round(memory.rss_bytes / 1e6))} MB`],
    ...(result.restarts > 0 ? [['gateway restarts', count(result.restarts)] as const] : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}\n`;
}

export function searchText(query: string, answer: SearchAnswer): string {
  const lines = answer.hits.map(({ score, text, product, events }) => {
    const types = Object.entries(events.by_type)
      .map(([type, total]) => `${type} ${count(total)}`)
      .join(', ');
    return `    ${score.toFixed(3)}  ${product?.name ?? text}${product === null ? '' : `, ${product.price.toFixed(2)}`}\n           ${types}`;
  });
  return `  “${query}” (${Math.round(answer.took_ms)} ms)\n${lines.length === 0 ? '    nothing found' : lines.join('\n')}\n`;
}

export function nextSteps(url: string, logPath: string): string {
  return [
    `The gateway stays up at ${url} until Ctrl-C. Try:`,
    '',
    `  curl -s ${url}/search -H 'content-type: application/json' -d '{"query":"gift for a coffee lover","limit":3}'`,
    `  curl -s ${url}/search -H 'content-type: application/json' -d '{"query":"running shoes","filter":{"event_type":"purchase","price_max":120}}'`,
    `  curl -s ${url}/stats`,
    `  curl -s ${url}/dlq/messages?limit=3`,
    `  npm run generate -- --count 1000 --rate 100 --target ${url}`,
    '',
    `Its log is ${logPath}.`,
    '',
  ].join('\n');
}

/** Why the totals do not add up, or `null` when they do. */
export function shortfall({ events, stored, deadLettered }: JobResult): string | null {
  const missing = events - stored - deadLettered;
  return missing === 0
    ? null
    : `${count(Math.abs(missing))} of ${count(events)} events are ${missing > 0 ? 'neither stored nor dead-lettered' : 'counted twice'}: is another program sending to this gateway?`;
}

const milliseconds = (value: number): string =>
  value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
