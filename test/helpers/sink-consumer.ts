// A sink that fails as a broker does, and a consumer that reads it as docs/sink.md says.

import { DependencyError } from '#core/errors/errors.ts';
import { partitionOf } from '#core/event/partition-of-key.ts';
import type { EventSink, LogRecord } from '#core/ports.ts';
import { unreliably, type Unreliable } from './unreliable.ts';

export type SinkDouble = Pick<EventSink, 'append'> & {
  /** What the broker has, in order: also what it did not acknowledge. */
  readonly records: LogRecord[];
  isDown: boolean;
};

/** `faults`: `null` for none. One append after the other, as the producer sends them. */
export function sinkDouble(faults: Unreliable | null = null): SinkDouble {
  let last: Promise<unknown> = Promise.resolve();
  const sink: SinkDouble = {
    records: [],
    isDown: false,
    append(records) {
      const write = async () => {
        if (sink.isDown)
          throw new DependencyError('kafka', 'kafka_unavailable', 'No broker.', {
            retryable: false,
          });
        return records.map((record) => ({
          topic: 'sink',
          partition: placeOf(record),
          offset: sink.records.push(record) - 1,
        }));
      };
      const result = last.then(() => (faults === null ? write() : unreliably(write, faults)));
      last = result.catch(() => undefined);
      return result;
    },
  };
  return sink;
}

export type ToldValue = {
  readonly kind: 'event' | 'text';
  readonly id?: string;
  readonly event_id?: string;
  readonly text_id: string;
  readonly timestamp?: string;
  readonly vector?: readonly number[] | null;
  readonly embedded_at?: string | null;
};

type Told = { readonly key: string; readonly value: ToldValue | null };

const utf8 = new TextDecoder();

export const toldOf = ({ key, value, isTombstone }: LogRecord): Told => ({
  key: utf8.decode(key ?? undefined),
  value: isTombstone === true ? null : JSON.parse(utf8.decode(value)),
});

const placeOf = ({ key, partitionKey }: LogRecord): number =>
  partitionOf(partitionKey ?? key ?? new Uint8Array(), 5);

/** The order of somebody who reads one partition after the other. */
export const byPartition = (records: readonly LogRecord[]): readonly LogRecord[] =>
  records.toSorted((a, b) => placeOf(a) - placeOf(b));

/** What somebody knows who has read all of these records, in order. */
export function knownFrom(records: readonly LogRecord[]) {
  const events = new Map<string, { readonly textId: string; readonly timestamp: string }>();
  const vectors = new Map<string, Float32Array>();
  for (const { key, value } of records.map(toldOf)) {
    if (value === null) {
      events.delete(key);
      vectors.delete(key);
      continue;
    }
    const { id, text_id: textId, timestamp, vector } = value;
    const isNewest = (timestamp ?? '') >= (events.get(id ?? '')?.timestamp ?? '');
    if (id !== undefined && timestamp !== undefined && isNewest)
      events.set(id, { textId, timestamp });
    if (vector) vectors.set(textId, Float32Array.from(vector));
    else if (vector === null) vectors.delete(textId);
  }
  return { events, vectors };
}
