// What the demo shows at its end: a table for people, one JSON object for programs, searches, and
// what to try next.

import type { SearchResult } from '../../client/client.ts';
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
    ['stored', count(result.stored)],
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
  return `\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}\n`;
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

export function searchText(query: string, { took_ms: tookMs, hits }: SearchResult): string {
  const lines = hits.map(({ score, text, product, events }) => {
    const types = Object.entries(events.by_type)
      .map(([type, total]) => `${type} ${count(total)}`)
      .join(', ');
    const title = product === null ? text : `${product.name}, ${product.price.toFixed(2)}`;
    return `    ${score.toFixed(3)}  ${title}\n           ${types}`;
  });
  const list = lines.length === 0 ? '    nothing found' : lines.join('\n');
  return `  “${query}” (${Math.round(tookMs)} ms)\n${list}\n`;
}

export function nextSteps(url: string, logPath: string): string {
  const search = (request: string): string =>
    `  curl -s ${url}/search -H 'content-type: application/json' -d '${request}'`;
  return [
    `The gateway stays up at ${url} until Ctrl-C. Try:`,
    '',
    search('{"query":"gift for a coffee lover","limit":3}'),
    search('{"query":"running shoes","filter":{"event_type":"purchase","price_max":120}}'),
    `  curl -s ${url}/stats`,
    `  curl -s ${url}/dlq/messages?limit=3`,
    `  npm run generate -- --count 1000 --rate 100 --target ${url}`,
    '',
    `Its log is ${logPath}.`,
    '',
  ].join('\n');
}

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
