// The reference vector store: it computes the answers that every adapter must give, in the plainest
// code, over all of its records. It asserts that callers keep the limits of the port.

import { funnelOf } from '#core/analysis/funnel.ts';
import type { Count, CountsRequest, Funnel, FunnelRequest, VectorStore } from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { assertBatch, assertLimit } from './contract-limits.ts';
import { createMemoryErasure } from './memory-erasure.ts';
import { byAge, funnelTouch, groupOf } from './memory-filter.ts';
import {
  memoryNeighbours,
  memorySimilar,
  newestOfProducts,
  sharingProducts,
} from './memory-neighbours.ts';
import { createMemoryProvenance } from './memory-provenance.ts';
import { bareText, MemoryRecords, type MemoryRecordsOptions } from './memory-records.ts';
import { createMemoryRunnerBlocks } from './memory-runner-blocks.ts';
import { createMemorySearchRules } from './memory-search-rules.ts';
import { searchMemory, searchMemoryWords, storedEvent } from './memory-search.ts';
import { untilDisposed } from './until-disposed.ts';

export type MemoryStoreOptions = MemoryRecordsOptions & {
  readonly searchPlan: SearchPlan;
  readonly batchMax: VectorStore['batchMax'];
};

const defaults: MemoryStoreOptions = {
  dimensions: 384,
  now: () => Date.now(),
  searchPlan: 'auto',
  itemsMax: 1_000_000,
  batchMax: { texts: 1_000, events: 1_000 },
};

export function createMemoryStore(options: Partial<MemoryStoreOptions> = {}): VectorStore {
  const { searchPlan, batchMax, ...bounds } = { ...defaults, ...options };
  const records = new MemoryRecords(bounds);
  const { texts } = records;

  return untilDisposed('A memory store', {
    kind: 'memory',
    batchMax,
    provenanceStore: createMemoryProvenance(texts),
    erasureStore: createMemoryErasure(records),
    runnerBlockStore: createMemoryRunnerBlocks(),
    catalogue: records.catalogue,
    searchRules: createMemorySearchRules(),

    async knownTexts(ids) {
      return records.knownTexts(ids);
    },
    async putTexts(added) {
      assertBatch(added, batchMax.texts, 'texts');
      return records.putTexts(added);
    },
    async putEvents(added) {
      assertBatch(added, batchMax.events, 'events');
      return records.putEvents(added);
    },

    async search(request) {
      assertLimit(request.limit, 1_000, 'Hits');
      return searchMemory(records, request, searchPlan);
    },
    async searchWords(request) {
      assertLimit(request.limit, 1_000, 'Hits');
      return searchMemoryWords(records, request, searchPlan);
    },
    prepareWords: async () => false,
    async sessionNeighbours(request) {
      return memoryNeighbours(records, request);
    },
    async newestOfProducts(productIds) {
      return newestOfProducts(records, productIds);
    },
    async sharingProducts(request) {
      return sharingProducts(records, request);
    },
    async similarProducts(request) {
      return memorySimilar(records, request, searchPlan);
    },
    async texts(textIds) {
      return new Map(records.textsOf(textIds).map((text) => [text.record.id, bareText(text)]));
    },
    async vectors(textIds) {
      const readable = records.textsOf(textIds).filter(({ isWithheld }) => !isWithheld);
      return new Map(
        readable.map(({ record: { id, embedding } }) => [id, embedding.vector.slice()]),
      );
    },
    async events(filter, limit, after) {
      return records
        .eventsOf(filter)
        .filter(({ event }) => after === undefined || byAge(after, event) < 0)
        .slice(0, limit)
        .map(storedEvent);
    },
    async event(id) {
      const record = records.events.get(id);
      return record === undefined ? null : storedEvent(record);
    },
    async countsBy(request) {
      return countsBy(records, request);
    },
    async funnel(request) {
      return funnel(records, request);
    },
    async counts() {
      return { texts: texts.size, events: records.events.size };
    },
    async forget(request) {
      return { ...records.forget(request), more: false };
    },
    async [Symbol.asyncDispose]() {},
  });
}

function countsBy(records: MemoryRecords, { by, filter, limit }: CountsRequest): readonly Count[] {
  assertLimit(limit, 10_000, 'Counts');
  const counts = new Map<string, number>();
  for (const record of records.eventsOf(filter)) {
    const value = groupOf(record, by);
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .toSorted(byCount)
    .slice(0, limit);
}

function funnel(records: MemoryRecords, request: FunnelRequest): Funnel {
  const { since, until, eventsMax, limit } = request;
  assertLimit(eventsMax, 50_000, 'Events of a funnel');
  assertLimit(limit, 1_000, 'Groups of a funnel');
  const newest = records.eventsOf({ since, until }).slice(0, eventsMax);
  return funnelOf(newest.map(funnelTouch), request);
}
