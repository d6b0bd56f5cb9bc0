// One look at a gateway: what must stay flat for as long as it runs.

import { assert } from '#core/errors/assert.ts';
import type { GatewayClient } from '../../cli/gateway-client.ts';

export type Sample = {
  /** Since the first sample. */
  readonly seconds: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** `null` where the system does not tell. */
  readonly fileHandles: number | null;
  /** 99th percentile over the last minute at most. */
  readonly eventLoopDelayMs: number;
  /** 99th percentile since the sample before; `null` when nothing was stored. */
  readonly searchableMs: number | null;
  readonly unsettled: number;
  readonly lag: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly textsEmbedded: number;
};

type System = {
  readonly memory: { readonly rss_bytes: number; readonly heap_used_bytes: number };
  readonly file_handles: { readonly open: number } | null;
  readonly event_loop_delay_ms: { readonly p99: number };
};

/** Cumulative counts by upper bound in seconds, as Prometheus has them. */
export type Buckets = ReadonlyMap<number, number>;

/** Each call answers what the gateway is like now, and how it was since the call before. */
export function createSampler(client: GatewayClient): (signal: AbortSignal) => Promise<Sample> {
  let before: Buckets | null = null;
  let beganAt: number | null = null;
  return async (signal) => {
    const ask = async (path: string): Promise<Response> => {
      const response = await fetch(`${client.url}${path}`, { signal });
      assert(response.ok, `GET ${path} answered ${response.status}`);
      return response;
    };
    const [system, metrics, stats] = await Promise.all([
      ask('/system').then(async (response) => response.json()),
      ask('/metrics').then(async (response) => response.text()),
      client.stats(signal),
    ]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the gateway's own documented shape
    const { memory, file_handles: handles, event_loop_delay_ms: delay } = system as System;
    const buckets = bucketsOf(metrics, 'vectorstream_event_to_searchable_seconds');
    const searchable = before === null ? null : quantileOf(since(before, buckets), 0.99);
    before = buckets;
    beganAt ??= performance.now();
    return {
      seconds: Math.round((performance.now() - beganAt) / 100) / 10,
      rssBytes: memory.rss_bytes,
      heapBytes: memory.heap_used_bytes,
      fileHandles: handles?.open ?? null,
      eventLoopDelayMs: delay.p99,
      searchableMs: searchable === null ? null : searchable * 1000,
      unsettled: stats.events.unsettled,
      lag: stats.events.lag,
      stored: stats.events.stored,
      deadLettered: stats.events.dead_lettered,
      textsEmbedded: stats.texts.embedded,
    };
  };
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

/** Within its bucket as if evenly spread, as Prometheus reckons; `null` of nothing. */
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
