// Measures the embedded log and store in an empty folder for `npm run bench`, and prints its
// figures as JSON.
//
// Arguments: the folder, and the amount of work (1 is 20,000 texts and 200,000 events).

import { createPopularity } from '#core/analysis/product-counts.ts';
import { defaultRecommenderSettings } from '#core/analysis/recommender-settings.ts';
import { createRecommender } from '#core/analysis/recommender.ts';
import { findTrends, spansOf } from '#core/analysis/trends.ts';
import { at } from '#core/errors/assert.ts';
import type { EventFilter, IndexIdentity, LogRecord } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { type Embedded, openEmbedded } from '../../gateway/embedded/open-embedded.ts';
import {
  eventRecord,
  startAt,
  textId,
  textRecord,
  unitVector,
  userCount,
  userId,
} from './synthetic-records.ts';

const [dataDir = '', share = '1'] = process.argv.slice(2);
const textCount = Math.round(20_000 * Number(share));
const eventCount = Math.round(200_000 * Number(share));
const dimensions = 384;
const perCall = 1_000;
/** Calls in flight at once: as many as a gateway has. */
const callsAtOnce = 2;
const searchCount = 20;
const copyMs = 2_000;

const identity: IndexIdentity = {
  modelId: 'measured',
  modelRevision: '0',
  dimensions,
  templateHash: '0',
};
const figures: Record<string, { value: number; unit: string }> = {};

await measureWrites();
for (const plan of ['events-first', 'nearest-first', 'auto'] as const) await measureSearches(plan);
await measureAnalysis();
process.stdout.write(`${JSON.stringify(figures)}\n`);

async function measureWrites(): Promise<void> {
  await using embedded = await open('auto');
  const { sink, store } = embedded;
  await measureRate('append to the log, synced', 'records/s', eventCount, logRecord, (records) =>
    sink.append(records),
  );
  await measureRate(
    'put texts',
    'texts/s',
    textCount,
    (index) => textRecord(index, dimensions),
    (texts) => store.putTexts(texts),
  );
  await measureRate('look up texts', 'texts/s', textCount, textId, (ids) => store.knownTexts(ids));
  await measureRate(
    'put events',
    'events/s',
    eventCount,
    (index) => eventRecord(index, textCount),
    (events) => store.putEvents(events),
  );
}

async function measureSearches(plan: SearchPlan): Promise<void> {
  await using embedded = await open(plan);
  // Meanwhile, the vectors are copied into memory, as after the start of a gateway.
  await systemClock.sleep(copyMs);
  await measureSearch(embedded, `search, all events, ${plan}`, {});
  await measureSearch(embedded, `search, purchases, ${plan}`, { eventTypes: ['purchase'] });
  await measureSearch(embedded, `search, one user of ${userCount}, ${plan}`, { userId: userId(7) });
}

/** The items exist before the measurement starts. */
async function measureRate<T>(
  measure: string,
  unit: string,
  count: number,
  make: (index: number) => T,
  write: (items: readonly T[]) => Promise<unknown>,
): Promise<void> {
  const calls = Array.from({ length: Math.ceil(count / perCall) }, (_, call) =>
    Array.from({ length: Math.min(perCall, count - call * perCall) }, (_item, index) =>
      make(call * perCall + index),
    ),
  );
  const startedAt = performance.now();
  const next = calls.values();
  await Promise.all(
    Array.from({ length: callsAtOnce }, async () => {
      for (const items of next) await write(items);
    }),
  );
  figures[measure] = { value: (count / (performance.now() - startedAt)) * 1000, unit };
}

/** The trends cover all events in window and baseline, so no query costs more. */
async function measureAnalysis(): Promise<void> {
  await using embedded = await open('auto');
  const { store } = embedded;
  const until = startAt + eventCount * 1000;
  await measureMedian('trends over all events', () =>
    findTrends(store, { ...spansOf(until, eventCount * 125, 7), limit: 10, countMin: 5 }),
  );
  const recommend = createRecommender(
    store,
    createPopularity(store, systemClock),
    () => defaultRecommenderSettings,
  );
  await measureMedian('recommendations for a user', (turn) =>
    recommend({
      visitor: { userId: userId(turn) },
      limit: 10,
      filter: {},
      exceptProductIds: [],
      diversity: 0,
      interestHalfLifeMs: 72 * 3_600_000,
      sessionsMin: 1,
    }),
  );
}

function measureSearch({ store }: Embedded, measure: string, filter: EventFilter): Promise<void> {
  return measureMedian(measure, (turn) =>
    store.search({ vector: unitVector(1_000_000 + turn, dimensions), limit: 10, filter }),
  );
}

/** Notes the median time of `query`, in ms. */
async function measureMedian(
  measure: string,
  query: (turn: number) => Promise<unknown>,
): Promise<void> {
  const took: number[] = [];
  for (let turn = 0; turn <= searchCount; turn += 1) {
    const startedAt = performance.now();
    await query(turn);
    // The first query only fills the cache.
    if (turn > 0) took.push(performance.now() - startedAt);
  }
  figures[measure] = {
    value: at(
      took.toSorted((a, b) => a - b),
      Math.floor(took.length / 2),
    ),
    unit: 'ms',
  };
}

function open(searchPlan: SearchPlan): Promise<Embedded> {
  return openEmbedded({
    dataDir,
    identity,
    topic: 'measured',
    searchPlan,
    clock: systemClock,
    onWorkerExit: (error) => {
      throw error;
    },
  });
}

function logRecord(index: number): LogRecord {
  const { event } = eventRecord(index, textCount);
  return {
    key: Buffer.from(event.userId),
    value: Buffer.from(event.payload),
    headers: {},
    timestamp: event.timestamp,
  };
}
