// The vector store in the data folder: each text with its vector once, events that refer to texts,
// and an exact search.

import { randomBytes } from 'node:crypto';
import { assert, at } from '#core/errors/assert.ts';
import { rawIdOf } from '#core/event/event-id.ts';
import { isUuid } from '#core/event/uuid.ts';
import type {
  CatalogueStore,
  Clock,
  ErasureStore,
  EventRecord,
  ProvenanceStore,
  RunnerBlockStore,
  TextRecord,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import type { ReaderApi } from './reader.ts';
import type { EventRow } from './sql/event-writes.ts';
import { withheldSession } from './sql/session-tables.ts';
import type { TextRow } from './sql/text-writes.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

type EmbeddedStoreOptions = {
  readonly dimensions: number;
  readonly clock: Clock;
  readonly searchPlan: SearchPlan;
};

/** Dead letters on their way to the writer come within this time. */
const eraseSettleMs = 1_000;

const stored: WriteOutcome = { status: 'stored' };

type StoreWorkers = {
  readonly writer: WorkerClient<WriterApi>;
  readonly reader: WorkerClient<ReaderApi>;
  /** A second reader, for long queries. It is started at the first call. */
  readonly analyst: () => WorkerClient<ReaderApi>;
};

/** Disposing it does nothing: the workers belong to `openEmbedded`. */
export function createEmbeddedStore(
  { writer, reader, analyst }: StoreWorkers,
  { dimensions, clock, searchPlan }: EmbeddedStoreOptions,
): VectorStore {
  return {
    kind: 'embedded',
    batchMax: { texts: 1_000, events: 1_000 },

    provenanceStore: provenanceStoreOf(writer, reader, dimensions),
    erasureStore: erasureStoreOf(writer, reader, clock),
    runnerBlockStore: runnerBlockStoreOf(writer, reader),
    catalogue: catalogueOf(writer, reader, clock),
    searchRules: {
      put: (rules) => writer.call('putSearchRules', rules),
      get: () => reader.call('searchRules', undefined),
    },

    async knownTexts(ids) {
      if (ids.length === 0) return new Set();
      return new Set(await writer.call('knownTexts', { ids, now: clock.now() }));
    },

    async putTexts(texts) {
      const outcomes = texts.map((text) => textRejection(text, dimensions) ?? stored);
      const valid = texts.filter((_, index) => outcomes[index] === stored);
      if (valid.length > 0)
        await writer.call('putTexts', {
          rows: valid.map(textRow),
          vectors: packVectors(valid, dimensions),
          now: clock.now(),
        });
      return outcomes;
    },

    async putEvents(events) {
      const rejections = events.map(eventRejection);
      const valid = events.filter((_, index) => rejections[index] === null);
      const statuses =
        valid.length === 0
          ? []
          : await writer.call('putEvents', { rows: valid.map(eventRow), now: clock.now() });
      assert(
        statuses.length === valid.length,
        `The database writer gave ${statuses.length} outcomes for ${valid.length} events`,
      );
      let next = 0;
      return rejections.map((rejection) => {
        if (rejection !== null) return rejection;
        const status = at(statuses, next++);
        return typeof status === 'string' ? { status } : status;
      });
    },

    // The vector is copied: the call transfers it, and the caller still needs its own.
    search: (request) =>
      (request.lowPriority === true ? analyst() : reader).call('search', {
        ...request,
        vector: request.vector.slice(),
        plan: searchPlan,
      }),

    ...productReads({ writer, reader }, searchPlan),

    texts: async (textIds) =>
      new Map((await reader.call('texts', textIds)).map((text) => [text.id, text])),

    async vectors(textIds) {
      const { ids, vectors } = await reader.call('vectors', textIds);
      return new Map(
        ids.map((id, index) => [
          id,
          vectors.subarray(index * dimensions, (index + 1) * dimensions),
        ]),
      );
    },

    events: (filter, limit, after) =>
      reader.call('events', { filter, limit, after: after ?? null }),
    event: (id) => reader.call('event', id),
    countsBy: (request) => analyst().call('countsBy', request),
    funnel: (request) => analyst().call('funnel', request),
    counts: () => reader.call('counts', undefined),
    forget: (request) => writer.call('forget', request),
    async [Symbol.asyncDispose]() {},
  };
}

type ProductReads = Pick<
  VectorStore,
  | 'searchWords'
  | 'prepareWords'
  | 'sessionNeighbours'
  | 'newestOfProducts'
  | 'sharingProducts'
  | 'similarProducts'
>;

function productReads(
  { writer, reader }: Pick<StoreWorkers, 'writer' | 'reader'>,
  plan: SearchPlan,
): ProductReads {
  return {
    searchWords: (request) => reader.call('searchWords', { ...request, plan }),
    prepareWords: () => writer.call('prepareWords', undefined),
    sessionNeighbours: (request) => reader.call('sessionNeighbours', request),
    async newestOfProducts(productIds) {
      const found = await reader.call('newestOfProducts', productIds);
      return new Map(found.map(({ productId, event }) => [productId, event]));
    },
    async sharingProducts(request) {
      const found = await reader.call('sharingProducts', request);
      return new Map(found.map(({ productId, event }) => [productId, event]));
    },
    similarProducts: (request) => reader.call('similarProducts', { ...request, plan }),
  };
}

function erasureStoreOf(
  writer: StoreWorkers['writer'],
  reader: StoreWorkers['reader'],
  clock: Clock,
): ErasureStore {
  return {
    settleMs: eraseSettleMs,
    key: async (first = randomBytes(32)) =>
      Buffer.from(await writer.call('erasureKey', Buffer.from(first).toString('base64')), 'base64'),
    addTombstones: (tombstones) => writer.call('addTombstones', tombstones),
    tombstonesSince: (since) => reader.call('tombstonesSince', since),
    putRequest: (request) => writer.call('putErasure', request),
    request: (id) => reader.call('erasure', id),
    openRequests: () => reader.call('openErasures', undefined),
    eraseEvents: (request) => writer.call('eraseEvents', { ...request, now: clock.now() }),
    scrub: () => writer.call('scrub', undefined),
  };
}

const provenanceStoreOf = (
  writer: StoreWorkers['writer'],
  reader: StoreWorkers['reader'],
  dimensions: number,
): ProvenanceStore => ({
  mark: (mark) => writer.call('markSession', mark),
  unmark: (runnerSession) => writer.call('unmarkSession', runnerSession),
  marks: () => reader.call('sessionMarks', undefined),
  embeddedBy: (work, limit) => reader.call('textsEmbeddedBy', { ...work, limit }),
  async withhold(work) {
    while (await writer.call('withholdTexts', work));
  },
  withheld: (limit) =>
    reader.call('textsEmbeddedBy', { runnerSession: withheldSession, since: 0, limit }),
  textsAfter: (after, limit) => reader.call('textsAfter', { after, limit }),
  async embeddings(textIds) {
    const { ids, vectors, provenances } = await reader.call('embeddings', textIds);
    return new Map(
      ids.map((id, index) => [
        id,
        {
          vector: vectors.subarray(index * dimensions, (index + 1) * dimensions),
          provenance: at(provenances, index),
        },
      ]),
    );
  },
});

const runnerBlockStoreOf = (
  writer: StoreWorkers['writer'],
  reader: StoreWorkers['reader'],
): RunnerBlockStore => ({
  put: (blocks) => writer.call('putBlocks', blocks),
  since: (time) => reader.call('blocksSince', time),
  remove: (blocks) => writer.call('removeBlocks', blocks),
});

const catalogueOf = (
  writer: StoreWorkers['writer'],
  reader: StoreWorkers['reader'],
  clock: Clock,
): CatalogueStore => ({
  put: (writes) => writer.call('putProducts', { writes, now: clock.now() }),
  entries: async (ids) =>
    new Map((await reader.call('catalogueEntries', ids)).map((entry) => [entry.id, entry])),
  ofTexts: (textIds) => reader.call('catalogueOfTexts', textIds),
  textsOfBrands: (brands, limit) => reader.call('textsOfBrands', { brands, limit }),
  waiting: (limit) => reader.call('waitingProducts', limit),
  settle: (results) => writer.call('settleProducts', { results, now: clock.now() }),
});

function textRejection({ id, embedding }: TextRecord, dimensions: number): WriteOutcome | null {
  const message = isUuid(id)
    ? vectorProblem(embedding.vector, dimensions)
    : `the text's id "${id}" is not a UUID`;
  return message === null ? null : { status: 'rejected', message };
}

function eventRejection({ event, textId }: EventRecord): WriteOutcome | null {
  const wrong = [event.id, textId].find((id) => !isUuid(id));
  return wrong === undefined
    ? null
    : { status: 'rejected', message: `the id "${wrong}" is not a UUID` };
}

function textRow({ id, text, kind, product, embedding }: TextRecord): TextRow {
  return [id, text, kind, product === null ? null : JSON.stringify(product), embedding.provenance];
}

function eventRow({ event, textId, ingestedAt, insertOnly }: EventRecord): EventRow {
  const { eventId, id, timestamp, eventType, product, userId, sessionId, payload } = event;
  return [
    id,
    textId,
    product?.id ?? null,
    insertOnly === true,
    timestamp,
    ingestedAt,
    eventType,
    product?.category ?? null,
    product?.price ?? null,
    userId,
    sessionId,
    payload,
    rawIdOf(eventId),
  ];
}

/**
 * One buffer for all vectors. A vector may be a view on a large frame, and a message would copy the
 * whole frame for each vector.
 */
function packVectors(texts: readonly TextRecord[], dimensions: number): Float32Array {
  const packed = new Float32Array(texts.length * dimensions);
  for (const [index, { embedding }] of texts.entries())
    packed.set(embedding.vector, index * dimensions);
  return packed;
}
