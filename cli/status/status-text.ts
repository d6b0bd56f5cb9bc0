// The state of a gateway for people: what it can do, what is wrong, and the figures.

import type {
  HealthView,
  Readiness,
  Stats,
  SystemView,
  VectorStreamClient,
} from '../../client/client.ts';
import { bold, dim, green, yellow } from '../colours.ts';
import { count, duration } from '../progress-bar.ts';

export type Status = {
  readonly url: string;
  readonly health: HealthView;
  readonly intake: Readiness;
  readonly search: Readiness;
  readonly stats: Stats;
  readonly system: SystemView;
};

/** Rejects with an error of the client, or with the signal's reason. */
export async function askStatus(
  client: Pick<VectorStreamClient, 'health' | 'stats' | 'system'>,
  url: string,
  signal: AbortSignal,
): Promise<Status> {
  const [health, intake, search, stats, system] = await Promise.all([
    client.health.get({ signal }),
    client.health.ready({ for: 'intake', signal }),
    client.health.ready({ for: 'search', signal }),
    client.stats({ signal }),
    client.system({ signal }),
  ]);
  return { url, health, intake, search, stats, system };
}

export function statusText({ url, health, intake, search, stats, system }: Status): string {
  const isOk = health.status === 'ok';
  const { source, store, runners, dead_letters: queue } = health;
  const { p50, p95 } = stats.latency_ms;
  const rows: readonly (readonly [string, string])[] = [
    ['intake', readiness(intake)],
    ['search', readiness(search)],
    [
      'log',
      `${source.kind}, ${known(source.lag)} events waiting, ${stats.events.unsettled} in work`,
    ],
    ['store', `${store.kind}, ${known(store.texts)} texts, ${known(store.events)} events`],
    ['runners', runnersText(runners)],
    ['dead letters', `${queue.kind}, ${known(queue.open)} open${oldest(health)}`],
    ['latency', `p50 ${Math.round(p50)} ms, p95 ${Math.round(p95)} ms, received to searchable`],
    ['disk', system.disk === null ? '?' : `${bytes(system.disk.free_bytes)} free`],
    ['memory', bytes(stats.memory.rss_bytes)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `${bold(url)}  ${isOk ? green('ok') : yellow('degraded')}  ${dim(
      `version ${system.versions.vectorstream}, up ${duration(health.uptime_seconds)}`,
    )}`,
    ...health.causes.map(({ component, message }) => yellow(`  ! ${component}: ${message}`)),
    '',
    ...rows.map(([name, value]) => `  ${dim(name.padEnd(width))}  ${value}`),
    '',
  ].join('\n');
}

const readiness = ({ ready, causes }: Readiness): string =>
  ready
    ? green('ready')
    : yellow(`not ready (${[...new Set(causes.map(({ component }) => component))].join(', ')})`);

function runnersText({ connected, ready, texts_per_second: rate }: HealthView['runners']): string {
  return `${ready} of ${connected} ready, ${count(Math.round(rate))} texts/s`;
}

/** The age of the oldest open dead letter, by the gateway's clock. */
function oldest({ dead_letters: queue, ...health }: HealthView): string {
  if (queue.oldest_open_at === null) return '';
  const now = Date.parse(health.started_at) + health.uptime_seconds * 1000;
  const seconds = (now - Date.parse(queue.oldest_open_at)) / 1000;
  return `, the oldest for ${duration(Math.max(0, seconds))}`;
}

const bytes = (size: number): string =>
  size < 2 ** 30 ? `${Math.floor(size / 2 ** 20)} MiB` : `${(size / 2 ** 30).toFixed(1)} GiB`;

/** `?` for what the gateway does not know yet. */
export function known(value: number | null | undefined): string {
  return value === null || value === undefined ? '?' : count(value);
}
