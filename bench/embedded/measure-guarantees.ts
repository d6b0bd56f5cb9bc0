// Measures for `npm run bench` what it costs to wait until writes are applied, and prints its
// figures as JSON.
//
// Arguments: a folder, the number of events, the number of rounds. In each round, the same stream
// goes twice through the real pipeline, from the embedded log to the embedded store: once with the
// real store, and once with a store that answers `stored` at once and writes later, which would
// lose events in a crash. Vectors are available at once, so that runners do not limit the rate.

import { join } from 'node:path';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import type { PipelineObserver } from '#core/pipeline/pipeline-observer.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type {
  EmbeddingService,
  IndexIdentity,
  LogRecord,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { openEmbedded } from '../../gateway/embedded/open-embedded.ts';
import { eventRecord, unitVector } from './synthetic-records.ts';

const [folder = '', count = '0', rounds = '0'] = process.argv.slice(2);
const eventCount = Number(count);
/** The number of events per text in a stream in which few products are popular. */
const eventsPerText = 19;
const perCall = 1_000;
const dimensions = 384;
const identity: IndexIdentity = {
  modelId: 'measured',
  modelRevision: '0',
  dimensions,
  templateHash: '0',
};

const instantEmbedding: EmbeddingService = {
  embed: async (text) => ({
    ok: true,
    embedding: {
      vector: unitVector(numberOf(text), dimensions),
      provenance: {
        runnerSession: 'measured',
        runnerName: 'measured',
        device: 'cpu',
        dtype: 'none',
        embeddedAt: Date.now(),
        checkedAt: Date.now(),
      },
    },
  }),
};

const measured: { waiting: number; behind: number }[] = [];
for (let round = 1; round <= Number(rounds); round += 1) {
  const waiting = await secondsFor(join(folder, `waiting-${round}`), false);
  const behind = await secondsFor(join(folder, `behind-${round}`), true);
  measured.push({ waiting: eventCount / waiting, behind: eventCount / behind });
}
process.stdout.write(`${JSON.stringify(measured)}\n`);

/**
 * The time from the first event read to the last event applied, whenever it was settled: both
 * variants do the same work.
 */
async function secondsFor(dataDir: string, isBehind: boolean): Promise<number> {
  await using embedded = await openEmbedded({
    dataDir,
    identity,
    topic: 'measured',
    clock: systemClock,
    onWorkerExit: (error) => {
      throw error;
    },
  });
  for (let at = 0; at < eventCount; at += perCall) {
    await embedded.sink.append(
      Array.from({ length: Math.min(perCall, eventCount - at) }, (_, index) =>
        logRecord(at + index),
      ),
    );
  }
  await using source = await embedded.source('measured');
  const behind = isBehind ? writeBehind(embedded.store) : null;
  const all = Promise.withResolvers<void>();
  const stop = new AbortController();
  const beganAt = performance.now();
  const pipeline = runPipeline({
    erased: nothingErased,
    source,
    store: behind?.store ?? embedded.store,
    deadLetters: embedded.deadLetters,
    embedding: instantEmbedding,
    clock: systemClock,
    random: Math.random,
    isDistrusted: () => false,
    limits: { ...defaultPipelineLimits, event: eventLimits },
    observer: counting(eventCount, all),
    signal: stop.signal,
  });
  await Promise.race([all.promise, pipeline]);
  await behind?.applied();
  const seconds = (performance.now() - beganAt) / 1000;
  stop.abort();
  await pipeline;
  const { events } = await embedded.store.counts();
  if (events !== eventCount) throw new Error(`${events} of ${eventCount} events are stored.`);
  return seconds;
}

function logRecord(index: number): LogRecord {
  const { event } = eventRecord(index, Math.ceil(eventCount / eventsPerText));
  return {
    key: Buffer.from(event.userId),
    value: Buffer.from(event.payload),
    headers: {},
    timestamp: event.timestamp,
  };
}

/** Answers before it has written. The order of the writes stays. */
function writeBehind(store: VectorStore): {
  readonly store: VectorStore;
  applied(): Promise<void>;
} {
  const writing = new Set<Promise<unknown>>();
  const later = (
    write: Promise<readonly WriteOutcome[]>,
    items: readonly unknown[],
  ): readonly WriteOutcome[] => {
    writing.add(write);
    write.finally(() => writing.delete(write)).catch(() => undefined);
    return items.map(() => ({ status: 'stored' }));
  };
  return {
    store: {
      ...store,
      putTexts: async (texts) => later(store.putTexts(texts), texts),
      putEvents: async (events) => later(store.putEvents(events), events),
    },
    applied: async () => {
      await Promise.all(writing);
    },
  };
}

function numberOf(text: string): number {
  return Number(/\d+/.exec(text)?.[0]);
}

/** Resolves `all` with the last event. A dead letter would be a bug of this program. */
function counting(expected: number, all: PromiseWithResolvers<void>): PipelineObserver {
  let stored = 0;
  return {
    received() {},
    erased() {},
    deleted() {},
    superseded() {},
    changed() {},
    ignored() {},
    cacheRequest() {},
    storeWrite() {},
    retried() {},
    circuit() {},
    stored() {
      stored += 1;
      if (stored === expected) all.resolve();
    },
    deadLettered: ({ message }) =>
      all.reject(new Error(`A synthetic event became a dead letter: ${message}`)),
  };
}
