// Appends records to a Kafka topic: an append resolves when the broker has acknowledged it, a key
// always goes to the same partition, and the waiting records are bounded.
//
// One request is in flight at a time; records that arrive meanwhile go with the next one. The
// reason: the client numbers the records of an idempotent producer, and takes a number back when a
// request fails. A broker could then mistake a second request in flight for a repetition of the
// failed one, and drop it. For the same reason a producer that failed is not used again.

import { Fifo } from '#core/collections/fifo.ts';
import { DependencyError, LogFullError } from '#core/errors/errors.ts';
import { recordBytes } from '#core/event/record-bytes.ts';
import type { EventSink, LogRecord, Position } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { within } from '#core/time/deadline.ts';
import { KafkaProducer, type KafkaProducerOptions } from './kafka-producer.ts';

export type KafkaSinkOptions = KafkaProducerOptions & {
  /** Bytes of the records that wait or are in flight. */
  readonly bytesMax: number;
};

export const sinkDefaults = {
  acks: 'all',
  compression: 'none',
  bytesMax: 64 * 2 ** 20,
} as const satisfies Partial<KafkaSinkOptions>;

type Append = {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  readonly resolve: (positions: readonly Position[]) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * The most bytes of one request. All of its records for one partition form one batch at the broker,
 * which refuses batches over 1 MB by default. The time that the client takes to sort the records
 * grows with the square of their number.
 */
const requestBytesMax = 768 * 1024;
const requestRecordsMax = 1_000;
const closeMsMax = 2_000;

/** Connects with the first append, and creates the topic if it may. */
export function createKafkaSink({ bytesMax, ...options }: KafkaSinkOptions): EventSink {
  const { topic } = options.topic;
  const producer = new KafkaProducer(options);
  const waiting = new Fifo<Append>();
  let bytes = 0;
  let sending: Promise<void> | null = null;
  let isClosed = false;

  const sendWaiting = async (): Promise<void> => {
    for (let appends = takeAppends(waiting); appends.length > 0; appends = takeAppends(waiting)) {
      await sendAll(producer, appends);
      bytes -= sum(appends.map((append) => append.bytes));
    }
    sending = null;
  };

  return {
    append(records) {
      if (isClosed) return Promise.reject(closed(topic));
      if (records.length === 0) return Promise.resolve([]);
      const size = sum(records.map(recordBytes));
      // An append larger than the bound is accepted when nothing else waits.
      if (bytes > 0 && bytes + size > bytesMax) {
        return Promise.reject(
          new LogFullError(
            `${bytes} bytes of events wait for Kafka; the limit is ${bytesMax} bytes.`,
          ),
        );
      }
      bytes += size;
      return new Promise((resolve, reject) => {
        waiting.push({ records, bytes: size, resolve, reject });
        sending ??= sendWaiting();
      });
    },

    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      if (sending !== null)
        await within(sending, { ms: closeMsMax, clock: systemClock, late: () => undefined });
      for (let left = waiting.take(); left !== undefined; left = waiting.take())
        left.reject(closed(topic));
      await producer[Symbol.asyncDispose]();
    },
  };
}

/** The appends that go with the next request: at least one if there is any. */
function takeAppends(waiting: Fifo<Append>): readonly Append[] {
  const taken: Append[] = [];
  let bytes = 0;
  for (
    let next = waiting.peek();
    next !== undefined && (taken.length === 0 || bytes + next.bytes <= requestBytesMax);
    next = waiting.peek()
  ) {
    waiting.take();
    taken.push(next);
    bytes += next.bytes;
  }
  return taken;
}

/** Settles every one of `appends`. Never rejects. */
async function sendAll(producer: KafkaProducer, appends: readonly Append[]): Promise<void> {
  try {
    const positions: Position[] = [];
    for (const request of requestsOf(appends.flatMap(({ records }) => records)))
      positions.push(...(await producer.send(request)));
    let from = 0;
    for (const { records, resolve } of appends)
      resolve(positions.slice(from, (from += records.length)));
  } catch (error) {
    // After a permanent refusal each append is sent on its own, so that it fails only for its own
    // records. Records that were already written are written again; their ids are the same.
    const isFinal = appends.length === 1 || !(error instanceof DependencyError) || error.retryable;
    if (isFinal) for (const { reject } of appends) reject(error);
    else for (const append of appends) await sendAll(producer, [append]);
  }
}

function* requestsOf(records: readonly LogRecord[]): Generator<readonly LogRecord[], void> {
  let request: LogRecord[] = [];
  let size = 0;
  for (const record of records) {
    const bytes = recordBytes(record);
    if (
      request.length === requestRecordsMax ||
      (request.length > 0 && size + bytes > requestBytesMax)
    ) {
      yield request;
      request = [];
      size = 0;
    }
    request.push(record);
    size += bytes;
  }
  if (request.length > 0) yield request;
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);

const closed = (topic: string): DependencyError =>
  new DependencyError('kafka', 'kafka_closed', `The producer of ${topic} is closed.`, {
    retryable: true,
  });
