// Shows what a gateway is doing until it is stopped, and sends nothing.

import type { Clock } from '#core/ports.ts';
import type { Stats, VectorStreamClient } from '../../client/client.ts';
import { count, type ProgressOutput } from '../progress-bar.ts';
import { known } from './status-text.ts';

export type MonitorOptions = {
  readonly client: Pick<VectorStreamClient, 'stats'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly out: ProgressOutput;
};

const terminalMs = 1000;
const plainMs = 5000;

/** Resolves when the signal aborts. Rejects when the gateway no longer answers. */
export async function monitor({ client, clock, signal, out }: MonitorOptions): Promise<void> {
  const isTerminal = out.isTTY === true;
  let before: { readonly at: number; readonly stored: number } | null = null;
  try {
    for (;;) {
      const stats = await client.stats({ signal });
      const now = { at: clock.monotonic(), stored: stats.events.stored };
      const rate =
        before === null
          ? 0
          : Math.max(0, ((now.stored - before.stored) / (now.at - before.at)) * 1000);
      before = now;
      const line = monitorLine(stats, rate);
      out.write(isTerminal ? `\r${line.slice(0, (out.columns || 80) - 1)}\u001b[K` : `${line}\n`);
      await clock.sleep(isTerminal ? terminalMs : plainMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (isTerminal) out.write('\n');
  }
}

function monitorLine(
  { events, latency_ms: latency, runners, dead_letters: deadLetters, store, memory }: Stats,
  rate: number,
): string {
  return [
    `${count(Math.round(rate))} stored/s`,
    `stored ${count(events.stored)}`,
    `waiting ${known(events.lag)}`,
    `dead letters ${known(deadLetters?.open)}`,
    `p95 ${count(Math.round(latency.p95))} ms`,
    `index ${known(store?.events)} events, ${known(store?.texts)} texts`,
    `runners ${runners.filter(({ state }) => state === 'ready').length}/${runners.length}`,
    `${count(Math.round(memory.rss_bytes / 1e6))} MB`,
  ].join('  ');
}
