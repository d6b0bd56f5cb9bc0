// Sends a stream of events at a given rate, several batches at a time, and counts the results.

import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { VectorStreamClient } from '../../client/client.ts';
import type { GeneratedEvent } from './event-stream.ts';

/** How many events got which result; together they are all events that were sent. */
export type SendCounts = {
  readonly accepted: number;
  readonly rejected: number;
  readonly deadLettered: number;
};

/** `keys[i]` is the partition key of `lines[i]`. */
export type LineBatch = {
  readonly lines: readonly Uint8Array[];
  readonly keys: readonly string[];
};

/** The place where events go: a gateway, or a topic that gateways read. */
export type StreamTarget = {
  /** Resolves when the batch is durable. Retries by itself. */
  send(batch: LineBatch, signal: AbortSignal): Promise<SendCounts>;
};

export type SendOptions = {
  readonly events: Iterable<GeneratedEvent>;
  readonly target: StreamTarget;
  /** Events per second; `null` sends as fast as the target accepts them. */
  readonly rate: number | null;
  readonly clock: Clock;
  /** Ends the sending in order: batches in flight finish, and no other begins. */
  readonly stop: AbortSignal;
  /** Also ends the batches in flight. */
  readonly abandon: AbortSignal;
  readonly onProgress: (sent: number) => void;
};

export type SendResult = SendCounts & { readonly sent: number; readonly seconds: number };

const batchesInFlight = 3;
const eventsPerBatch = 500;
const bytesPerBatch = 1 << 20;
/** The time between two batches at a given rate: events do not wait for a full batch. */
const pacedBatchMs = 50;

/** Sends to `POST /events`; invalid events go to the dead-letter queue. */
export const gatewayTarget = ({ events }: Pick<VectorStreamClient, 'events'>): StreamTarget => ({
  async send({ lines }, signal) {
    const result = await events.sendLines(lines, { onInvalid: 'dead_letter', signal });
    const { accepted, rejected, dead_lettered: deadLettered } = result;
    return { accepted, rejected, deadLettered };
  },
});

/**
 * Resolves when every event is acknowledged, or when `stop` has aborted and the batches in flight
 * have finished. Rejects with the first failure.
 */
export async function sendEvents({
  events,
  target,
  rate,
  clock,
  stop,
  abandon,
  onProgress,
}: SendOptions): Promise<SendResult> {
  const startedAt = clock.monotonic();
  const batches = batched(events, batchSizeOf(rate));
  const failed = new AbortController();
  const signal = AbortSignal.any([abandon, failed.signal]);
  const total = { accepted: 0, rejected: 0, deadLettered: 0, sent: 0 };
  let taken = 0;

  // Each sender takes the next batch when its last one is acknowledged, so that no event is made
  // before it can be sent.
  const sender = async (): Promise<void> => {
    for (let next = batches.next(); next.done !== true; next = batches.next()) {
      const { lines } = next.value;
      taken += lines.length;
      if (rate !== null) {
        const dueAt = startedAt + (taken / rate) * 1000;
        const ended = AbortSignal.any([stop, signal]);
        await rest(clock, Math.max(0, dueAt - clock.monotonic()), ended);
      }
      if (stop.aborted || signal.aborted) return;
      const result = await target.send(next.value, signal);
      total.accepted += result.accepted;
      total.rejected += result.rejected;
      total.deadLettered += result.deadLettered;
      total.sent += lines.length;
      onProgress(total.sent);
    }
  };
  const settled = await Promise.allSettled(
    Array.from({ length: batchesInFlight }, () =>
      sender().catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  const failure = settled.find((one) => one.status === 'rejected');
  if (failure !== undefined && !abandon.aborted) throw failure.reason;
  return { ...total, seconds: (clock.monotonic() - startedAt) / 1000 };
}

function batchSizeOf(rate: number | null): number {
  if (rate === null) return eventsPerBatch;
  return Math.min(eventsPerBatch, Math.max(1, Math.round((rate * pacedBatchMs) / 1000)));
}

/** Cuts the stream into batches within both bounds. A larger line makes a batch of its own. */
function* batched(events: Iterable<GeneratedEvent>, eventsMax: number): Generator<LineBatch, void> {
  let lines: Uint8Array[] = [];
  let keys: string[] = [];
  let bytes = 0;
  for (const { line, key } of events) {
    const isFull = lines.length === eventsMax || bytes + line.length > bytesPerBatch;
    if (lines.length > 0 && isFull) {
      yield { lines, keys };
      [lines, keys, bytes] = [[], [], 0];
    }
    lines.push(line);
    keys.push(key);
    bytes += line.length + 1;
  }
  if (lines.length > 0) yield { lines, keys };
}
