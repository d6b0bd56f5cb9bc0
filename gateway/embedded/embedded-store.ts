// The vector store in the data folder: texts with their vectors once, events that refer to them,
// searched exactly.

import { assert } from '#core/errors/assert.ts';
import { isUuid } from '#core/event/uuid.ts';
import type { Clock, EventRecord, TextRecord, VectorStore, WriteOutcome } from '#core/ports.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import type { ReaderApi } from './reader.ts';
import { withheldSession } from './sql/session-tables.ts';
import type { EventRow, TextRow } from './sql/store-writes.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

export type EmbeddedStoreOptions = {
  readonly dimensions: number;
  readonly clock: Clock;
  readonly searchPlan: SearchPlan;
};

const stored: WriteOutcome = { status: 'stored' };

/** The workers of the folder; they belong to `openEmbedded`. */
export type StoreWorkers = {
  readonly writer: WorkerClient<WriterApi>;
  readonly reader: WorkerClient<ReaderApi>;
  /** A second reader, for what takes long. */
  readonly analyst: () => WorkerClient<ReaderApi>;
};

export function createEmbeddedStore(
  { writer, reader, analyst }: StoreWorkers,
  { dimensions, clock, searchPlan }: EmbeddedStoreOptions,
): VectorStore {
  return {
    kind: 'embedded',
    batchMax: { texts: 1_000, events: 1_000 },

    provenanceStore: {
      mark: (mark) => writer.call('markSession', mark),
      unmark: (runnerSession) => writer.call('unmarkSession', runnerSession),
      marks: () => reader.call('sessionMarks', undefined),
      embeddedBy: (work, limit) => reader.call('textsEmbeddedBy', { ...work, limit }),
      async withhold(work) {
        while (await writer.call('withholdTexts', work));
      },
      withheld: (limit) =>
        reader.call('textsEmbeddedBy', { runnerSession: withheldSession, since: 0, limit }),
    },

    async knownTexts(ids) {
      if (ids.length === 0) return new Set();
      return new Set(await writer.call('knownTexts', { ids, now: clock.now() }));
    },

    async putTexts(texts) {
      const outcomes = texts.map((text) => refusalOf(text, dimensions) ?? stored);
      const good = texts.filter((_, index) => outcomes[index] === stored);
      if (good.length > 0)
        await writer.call('putTexts', {
          rows: good.map(textRow),
          vectors: packVectors(good, dimensions),
          now: clock.now(),
        });
      return outcomes;
    },

    async putEvents(events) {
      const outcomes = events.map(refusalOfEvent);
      const good = events.filter((_, index) => outcomes[index] === null);
      const answers =
        good.length === 0
          ? []
          : await writer.call('putEvents', { rows: good.map(eventRow), now: clock.now() });
      assert(
        answers.length === good.length,
        `The database writer gave ${answers.length} outcomes for ${good.length} events`,
      );
      let next = 0;
      return outcomes.map((refusal) => refusal ?? { status: answers[next++] ?? 'missing-text' });
    },

    // The vector is copied: it is moved to the reader, and the caller goes on with its own.
    search: (request) =>
      (request.lowPriority === true ? analyst() : reader).call('search', {
        ...request,
        vector: request.vector.slice(),
        plan: searchPlan,
      }),

    async texts(textIds) {
      return new Map((await reader.call('texts', textIds)).map((text) => [text.id, text]));
    },

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
    counts: () => reader.call('counts', undefined),
    forget: (request) => writer.call('forget', request),
    async [Symbol.asyncDispose]() {},
  };
}

function refusalOf({ id, embedding }: TextRecord, dimensions: number): WriteOutcome | null {
  const message = isUuid(id)
    ? vectorProblem(embedding.vector, dimensions)
    : `the text's id "${id}" is not a UUID`;
  return message === null ? null : { status: 'rejected', message };
}

function refusalOfEvent({ event, textId }: EventRecord): WriteOutcome | null {
  const bad = [event.id, textId].find((id) => !isUuid(id));
  return bad === undefined
    ? null
    : { status: 'rejected', message: `the id "${bad}" is not a UUID` };
}

function textRow({ id, text, kind, product, embedding }: TextRecord): TextRow {
  return [id, text, kind, product === null ? null : JSON.stringify(product), embedding.provenance];
}

function eventRow({ event, textId, ingestedAt }: EventRecord): EventRow {
  const { id, timestamp, eventType, product, userId, sessionId, payload } = event;
  return [
    id,
    textId,
    timestamp,
    ingestedAt,
    eventType,
    product?.category ?? null,
    product?.price ?? null,
    userId,
    sessionId,
    payload,
    product?.id ?? null,
  ];
}

/**
 * One buffer for all: a vector may be a view on a large frame, which would otherwise be copied
 * whole for each.
 */
function packVectors(texts: readonly TextRecord[], dimensions: number): Float32Array {
  const packed = new Float32Array(texts.length * dimensions);
  for (const [index, { embedding }] of texts.entries())
    packed.set(embedding.vector, index * dimensions);
  return packed;
}
