// Takes one sample of a gateway: the figures that must stay flat for as long as it runs.

import { assert } from '#core/errors/assert.ts';
import type { BenchGateway } from '../bench-gateway.ts';
import type { OpenPage } from './open-page.ts';

export type Sample = {
  /** The time since the first sample. */
  readonly seconds: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Of the open page; `null` without one. */
  readonly pageBytes: number | null;
  /** `null` where the operating system does not report it. */
  readonly fileHandles: number | null;
  /** 99th percentile over the last minute at most. */
  readonly eventLoopDelayMs: number;
  /** 99th percentile since the previous sample; `null` when nothing was stored. */
  readonly searchableMs: number | null;
  readonly unsettled: number;
  readonly lag: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly textsEmbedded: number;
};

/** Cumulative counts by upper bound in seconds, as Prometheus has them. */
export type Buckets = ReadonlyMap<number, number>;

/**
 * Each call returns the figures of the gateway, and of a page if one is open, now, or since the
 * previous call.
 */
export function createSampler(
  { client, url }: Pick<BenchGateway, 'client' | 'url'>,
  page: Pick<OpenPage, 'memoryBytes'> | null,
): (signal: AbortSignal) => Promise<Sample> {
  let before: Buckets | null = null;
  let beganAt: number | null = null;
  return async (signal) => {
    const [system, metrics, { events, texts }, pageBytes] = await Promise.all([
      client.system({ signal }),
      metricsOf(url, signal),
      client.stats({ signal }),
      page?.memoryBytes() ?? null,
    ]);
    const buckets = bucketsOf(metrics, 'vectorstream_event_to_searchable_seconds');
    const searchable = before === null ? null : quantileOf(since(before, buckets), 0.99);
    before = buckets;
    beganAt ??= performance.now();
    return {
      seconds: Math.round((performance.now() - beganAt) / 100) / 10,
      rssBytes: system.memory.rss_bytes,
      heapBytes: system.memory.heap_used_bytes,
      pageBytes,
      fileHandles: system.file_handles?.open ?? null,
      eventLoopDelayMs: system.event_loop_delay_ms.p99,
      searchableMs: searchable === null ? null : searchable * 1000,
      unsettled: events.unsettled,
      lag: events.lag ?? 0,
      stored: events.stored,
      deadLettered: events.dead_lettered,
      textsEmbedded: texts.embedded,
    };
  };
}

async function metricsOf(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`${url}/metrics`, { signal });
  assert(response.ok, `GET /metrics answered ${response.status}`);
  return await response.text();
}

/** `name_bucket{le="0.5"} 12` → 0.5: 12 */
export function bucketsOf(metrics: string, name: string): Buckets {
  const lines = metrics.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\S+)`, 'gm'));
  return new Map(
    Array.from(lines, ([, bound, count]) => [
      bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound),
      Number(count),
    ]),
  );
}

export function since(before: Buckets, now: Buckets): Buckets {
  return new Map(Array.from(now, ([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}

/** Interpolates linearly within a bucket, as Prometheus does. `null` without observations. */
export function quantileOf(buckets: Buckets, share: number): number | null {
  const sorted = [...buckets].toSorted(([a], [b]) => a - b);
  const wanted = share * (sorted.at(-1)?.[1] ?? 0);
  if (wanted === 0) return null;
  let low = { bound: 0, count: 0 };
  for (const [bound, count] of sorted) {
    if (count >= wanted)
      return Number.isFinite(bound)
        ? low.bound + (bound - low.bound) * ((wanted - low.count) / (count - low.count))
        : low.bound;
    low = { bound, count };
  }
  return low.bound;
}
