// Sends a stream to a gateway, or to the topic that it reads, and waits until every event has ended
// in the store, or every one in the dead letters.

import { systemClock } from '#core/time/clock.ts';
import type { GeneratedEvent } from '../cli/generator/event-stream.ts';
import { sendEvents, type StreamTarget } from '../cli/generator/send-events.ts';
import type { Stats, VectorStreamClient } from '../client/client.ts';

export type SendStreamOptions = {
  readonly client: Pick<VectorStreamClient, 'stats'>;
  readonly target: StreamTarget;
  readonly events: Iterable<GeneratedEvent>;
  /** How each event must end. */
  readonly end: 'stored' | 'dead_lettered';
  /** Events per second; `null` sends as fast as the target accepts them. */
  readonly rate: number | null;
  readonly signal: AbortSignal;
  /** Called after each poll of the gateway's figures, a few times per second. */
  readonly onPoll: (stats: Stats) => void;
};

const pollMs = 200;
const pollMsAtEnd = 50;

/**
 * Measures from the first batch until all events have ended. Events are generated while they are
 * sent, except the first: making it also makes the catalogue. Rejects when one ends otherwise.
 */
export async function sendAndWait({
  client,
  target,
  events,
  end,
  rate,
  signal,
  onPoll,
}: SendStreamOptions): Promise<{
  readonly seconds: number;
  readonly sentSeconds: number;
  readonly stats: Stats;
}> {
  const before = await client.stats({ signal });
  const stream = Iterator.from(events);
  const first = stream.next();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const progress = { sent: null as number | null };

  const startedAt = performance.now();
  const sending = sendEvents({
    events: chained(first, stream),
    target,
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
    // Read before the poll: figures that are read later include what is acknowledged by now.
    const { sent } = progress;
    const stats = await client.stats({ signal: stop });
    onPoll(stats);
    const otherEnd = end === 'stored' ? 'dead_lettered' : 'stored';
    const others = stats.events[otherEnd] - before.events[otherEnd];
    if (others > 0)
      throw new Error(`${others} events are ${otherEnd}, where all should be ${end}.`);
    if (sent !== null && stats.events[end] - before.events[end] >= sent) {
      return {
        seconds: (performance.now() - startedAt) / 1000,
        sentSeconds: (await sending).seconds,
        stats,
      };
    }
    await systemClock.sleep(sent === null ? pollMs : pollMsAtEnd, stop);
  }
}

function* chained<T>(first: IteratorResult<T>, rest: Iterable<T>): Generator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
