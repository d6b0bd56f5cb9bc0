// Shows what a gateway is doing, without sending anything, until told to stop.

import type { Clock } from '#core/ports.ts';
import type { GatewayClient, GatewayStats } from '../gateway-client.ts';
import { count } from '../progress-bar.ts';
import type { ProgressOutput } from '../progress-bar.ts';

export type MonitorOptions = {
  readonly client: Pick<GatewayClient, 'stats'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly out: ProgressOutput;
};

const terminalMs = 1000;
const plainMs = 5000;

/** Resolves when the signal aborts; rejects when the gateway stays away. */
export async function monitor({ client, clock, signal, out }: MonitorOptions): Promise<void> {
  const everyMs = out.isTTY === true ? terminalMs : plainMs;
  let before: { readonly at: number; readonly stored: number } | null = null;
  try {
    for (;;) {
      const stats = await client.stats(signal);
      const now = { at: clock.monotonic(), stored: stats.events.stored };
      const rate =
        before === null
          ? 0
          : Math.max(0, ((now.stored - before.stored) / (now.at - before.at)) * 1000);
      before = now;
      out.write(
        out.isTTY === true
          ? `\r${monitorLine(stats, rate).slice(0, (out.columns || 80) - 1)}\u001b[K`
          : `${monitorLine(stats, rate)}\n`,
      );
      await clock.sleep(everyMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (out.isTTY === true) out.write('\n');
  }
}

function monitorLine(
  { events, latency_ms: latency, runners, dead_letters: letters, store, memory }: GatewayStats,
  rate: number,
): string {
  return [
    `${count(Math.round(rate))} stored/s`,
    `stored ${count(events.stored)}`,
    `waiting ${count(events.lag)}`,
    `dead letters ${count(letters.open)}`,
    `p95 ${count(Math.round(latency.p95))} ms`,
    `index ${count(store.events)} events, ${count(store.texts)} texts`,
    `runners ${runners.filter(({ state }) => state === 'ready').length}/${runners.length}`,
    `${count(Math.round(memory.rss_bytes / 1e6))} MB`,
  ].join('  ');
}
