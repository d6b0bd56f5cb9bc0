// A gateway without its HTTP part, whose mappings let records of the topic delete.

import { eventLimits } from '#core/event/parse-event.ts';
import { noMappings, type RecordMapping } from '#core/mapping/record-mapping.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { DeadLetters, EventSource, LogRecord, VectorStore } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { Erasures } from '../../gateway/erasure/erasures.ts';
import { heldSource } from '../../gateway/erasure/held-source.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { textRecord } from '../conformance/store-records.ts';
import { silentObserver } from './silent-observer.ts';
import { until } from './until.ts';

const quiet = createLog({
  level: 'silent',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});

type Parts = {
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly source: EventSource;
  readonly tried: readonly RecordMapping[];
};

export function startDeletingGateway({ store, deadLetters, source, tried }: Parts) {
  const counts = { stored: 0, deadLettered: 0, erased: 0, deleted: 0 };
  const sink = { append: async () => [], [Symbol.asyncDispose]: async () => undefined };
  const erasures = new Erasures({ store, deadLetters, sink, clock: systemClock, log: quiet });
  const stopping = new AbortController();
  const running = Promise.all([
    erasures.run(stopping.signal),
    runPipeline({
      erased: erasures,
      source: heldSource(source, erasures.loaded),
      store,
      deadLetters,
      embedding: { embed: async () => ({ ok: true, embedding: textRecord(1).embedding }) },
      isDistrusted: () => false,
      clock: systemClock,
      random: Math.random,
      limits: {
        ...defaultPipelineLimits,
        event: eventLimits,
        mappings: { ...noMappings, tried },
        backoff: { delayMs: 1, delayMsMax: 5 },
      },
      signal: stopping.signal,
      observer: {
        ...silentObserver,
        stored: () => void (counts.stored += 1),
        erased: () => void (counts.erased += 1),
        deleted: () => void (counts.deleted += 1),
        deadLettered: () => void (counts.deadLettered += 1),
      },
    }),
  ]);
  return {
    counts,
    /** Resolves when so many records have ended, and all that were delivered are settled. */
    ended: (records: number) =>
      until(`${records} records have ended`, 180_000, () => {
        const { stored, deadLettered, erased, deleted } = counts;
        const all = stored + deadLettered + erased + deleted;
        return all >= records && source.unsettled() === 0;
      }),
    async stop(): Promise<void> {
      stopping.abort();
      await running;
    },
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

type Sent = {
  readonly user?: string;
  readonly session?: string;
  readonly product?: string;
  readonly query?: string;
};

/** An event of ben about the lamp, unless told otherwise. `at`: UTC ms. */
export function sentEvent(id: string, sent: Sent, at: number): LogRecord {
  const { user = 'ben', session = `visit of ${user}`, product = 'lamp', query } = sent;
  const what =
    query === undefined
      ? { event_type: 'view', product: { id: product, name: `The ${product}`, price: 5 } }
      : { event_type: 'search', search_query: query };
  const value = {
    event_id: id,
    user_id: user,
    session_id: session,
    timestamp: new Date(at).toISOString(),
    ...what,
  };
  return { key: bytes(user), value: bytes(JSON.stringify(value)), headers: {}, timestamp: at };
}

/** The ids that clients sent. */
export async function idsIn(store: VectorStore): Promise<string[]> {
  const events = await store.events({}, 1_000);
  return events.map(({ payload }) => String(JSON.parse(payload).event_id)).toSorted();
}
