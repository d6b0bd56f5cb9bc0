// Sends a stream to a gateway, or to where it reads, and watches until every event of it is stored.

import { systemClock } from '#core/time/clock.ts';
import type { GatewayClient, GatewayStats } from '../cli/gateway-client.ts';
import type { GeneratedEvent } from '../cli/generator/event-stream.ts';
import { sendEvents, type SendOptions } from '../cli/generator/send-events.ts';

export type Sending = {
  readonly client: Pick<GatewayClient, 'stats'>;
  /** Takes the events: the gateway itself, or a topic that it reads. */
  readonly target: SendOptions['client'];
  readonly events: Iterable<GeneratedEvent>;
  /** Events per second; `null` as fast as the gateway takes them. */
  readonly rate: number | null;
  readonly signal: AbortSignal;
  /** Called with each look at the gateway, a few times per second. */
  readonly onLook: (stats: GatewayStats) => void;
};

const lookMs = 200;
const lookMsAtEnd = 50;

/**
 * From the first post to the moment when all are stored. The events are read, and so made, while
 * they are sent; only the first is made before, and with it the catalogue. Rejects when an event is
 * not stored.
 */
export async function sendAndWait({
  client,
  target,
  events,
  rate,
  signal,
  onLook,
}: Sending): Promise<{
  readonly seconds: number;
  readonly sentSeconds: number;
  readonly stats: GatewayStats;
}> {
  const before = await client.stats(signal);
  const stream = Iterator.from(events);
  const first = stream.next();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const progress = { sent: null as number | null };

  const startedAt = performance.now();
  const sending = sendEvents({
    events: chained(first, stream),
    client: target,
    rate,
    clock: systemClock,
    stop,
    abandon: stop,
    onProgress: () => undefined,
  }).then((result) => {
    progress.sent = result.sent;
    return result;
  });
  sending.catch((error: unknown) => failed.abort(error));
  for (;;) {
    // Asked before the look: what is acknowledged then is in the figures.
    const { sent } = progress;
    const stats = await client.stats(stop);
    onLook(stats);
    const stored = stats.events.stored - before.events.stored;
    const lost = stats.events.dead_lettered - before.events.dead_lettered;
    if (lost > 0)
      throw new Error(
        `${lost} events are in the dead-letter queue, where none should be: see GET /dlq/messages.`,
      );
    if (sent !== null && stored >= sent) {
      return {
        seconds: (performance.now() - startedAt) / 1000,
        sentSeconds: (await sending).seconds,
        stats,
      };
    }
    await systemClock.sleep(sent === null ? lookMs : lookMsAtEnd, stop);
  }
}

function* chained<T>(first: IteratorResult<T>, rest: Iterable<T>): Generator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
