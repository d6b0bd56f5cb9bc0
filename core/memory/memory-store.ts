// The reference vector store: what every adapter must answer, in the plainest code, over everything
// it holds.

import { DependencyError } from '#core/errors/errors.ts';
import type {
  BareText,
  CountsRequest,
  EventFilter,
  EventRecord,
  EventType,
  IndexIdentity,
  SearchHit,
  SessionMark,
  SessionWork,
  StoredEvent,
  TextRecord,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';
import { type SearchPlan, searchTexts } from '#core/vectors/search-plan.ts';
import { cosine, vectorProblem } from '#core/vectors/vector.ts';

export type MemoryStoreOptions = {
  readonly dimensions: IndexIdentity['dimensions'];
  /** UTC ms: when a text without events began to be one. */
  readonly now: () => number;
  readonly searchPlan: SearchPlan;
  /** Puts refuse to hold more; retryable, since forgetting makes room. */
  readonly itemsMax: number;
};

const defaults: MemoryStoreOptions = {
  dimensions: 384,
  now: () => Date.now(),
  searchPlan: 'auto',
  itemsMax: 1_000_000,
};

type Text = { readonly record: TextRecord; unreferencedSince: number | null; isWithheld: boolean };

export function createMemoryStore(options: Partial<MemoryStoreOptions> = {}): VectorStore {
  const { dimensions, now, searchPlan, itemsMax } = { ...defaults, ...options };
  const texts = new Map<string, Text>();
  const events = new Map<string, EventRecord>();
  const marks = new Map<string, SessionMark>();

  const isWorkOf = (
    {
      record: {
        embedding: { provenance },
      },
      isWithheld,
    }: Text,
    { runnerSession, since }: SessionWork,
  ): boolean =>
    !isWithheld && provenance.runnerSession === runnerSession && provenance.embeddedAt >= since;

  const matching = (filter: EventFilter, textId?: string): EventRecord[] =>
    [...events.values()]
      .filter(
        (record) => (textId === undefined || record.textId === textId) && matches(record, filter),
      )
      .toSorted(newestFirst);

  const makeRoom = (added: number): void => {
    if (texts.size + events.size + added <= itemsMax) return;
    throw new DependencyError(
      'store',
      'store_full',
      `The memory store holds its maximum of ${itemsMax} texts and events: forget some.`,
      { retryable: true },
    );
  };

  const markIfUnreferenced = (textId: string, since: number): void => {
    const text = texts.get(textId);
    if (text && !events.values().some((record) => record.textId === textId))
      text.unreferencedSince = since;
  };

  const putText = (record: TextRecord): WriteOutcome => {
    const problem = vectorProblem(record.embedding.vector, dimensions);
    if (problem !== null) return { status: 'rejected', message: problem };
    const known = texts.get(record.id);
    const unreferencedSince =
      known !== undefined && known.unreferencedSince === null ? null : now();
    texts.set(record.id, {
      record: {
        ...record,
        embedding: { ...record.embedding, vector: record.embedding.vector.slice() },
      },
      unreferencedSince,
      isWithheld: false,
    });
    return { status: 'stored' };
  };

  const putEvent = (record: EventRecord): WriteOutcome => {
    const text = texts.get(record.textId);
    if (text === undefined) return { status: 'missing-text' };
    const old = events.get(record.event.id);
    if (old !== undefined && old.event.timestamp >= record.event.timestamp)
      return { status: 'superseded' };
    events.set(record.event.id, record);
    text.unreferencedSince = null;
    if (old !== undefined) markIfUnreferenced(old.textId, now());
    return { status: 'stored' };
  };

  const hitOf = (textId: string, score: number, filter: EventFilter): SearchHit[] => {
    const record = texts.get(textId)?.record;
    const found = matching(filter, textId);
    const [newest] = found;
    if (record === undefined || newest === undefined) return [];
    const byType: Partial<Record<EventType, number>> = {};
    for (const { event } of found) byType[event.eventType] = (byType[event.eventType] ?? 0) + 1;
    return [
      {
        score,
        textId,
        text: record.text,
        product: record.product,
        events: { total: found.length, byType },
        newest: storedEvent(newest),
      },
    ];
  };

  return {
    kind: 'memory',
    batchMax: { texts: 1_000, events: 1_000 },

    provenanceStore: {
      async mark(mark) {
        marks.set(mark.runnerSession, mark);
      },
      async unmark(runnerSession) {
        marks.delete(runnerSession);
      },
      async marks() {
        return [...marks.values()];
      },
      async embeddedBy(work, limit) {
        return texts
          .values()
          .filter((text) => isWorkOf(text, work))
          .take(limit)
          .map(bareText)
          .toArray();
      },
      async withhold(work) {
        for (const text of texts.values()) if (isWorkOf(text, work)) text.isWithheld = true;
      },
      async withheld(limit) {
        return texts
          .values()
          .filter(({ isWithheld }) => isWithheld)
          .take(limit)
          .map(bareText)
          .toArray();
      },
    },

    async knownTexts(ids) {
      const known = ids
        .flatMap((id) => texts.get(id) ?? [])
        .filter(({ isWithheld }) => !isWithheld);
      // An event is about to refer to it: its grace begins anew.
      for (const text of known) if (text.unreferencedSince !== null) text.unreferencedSince = now();
      return new Set(known.map(({ record }) => record.id));
    },
    async putTexts(records) {
      makeRoom(records.length);
      return records.map(putText);
    },
    async putEvents(records) {
      makeRoom(records.length);
      return records.map(putEvent);
    },

    async search({
      vector,
      limit,
      filter,
      scoreMin = -Infinity,
      exceptTextIds = [],
      after = null,
    }) {
      const kinds = filter.eventTypes?.includes('search') ? ['product', 'query'] : ['product'];
      const ranked = await searchTexts<string>(
        {
          async textsOfEvents(max) {
            const ids = new Set(matching(filter).map(({ textId }) => textId));
            return ids.size > max ? null : [...ids];
          },
          async nearest(count, within) {
            const among =
              within === null ? [...texts.values()] : within.flatMap((id) => texts.get(id) ?? []);
            return among
              .filter(({ record, isWithheld }) => !isWithheld && kinds.includes(record.kind))
              .map(({ record }) => ({
                text: record.id,
                score: cosine(vector, record.embedding.vector),
              }))
              .toSorted((a, b) => b.score - a.score)
              .slice(0, count);
          },
          async matches(ids) {
            return ids.map((textId) => {
              const [newest] = matching(filter, textId);
              return newest === undefined ? null : { textId, newestAt: newest.event.timestamp };
            });
          },
        },
        { limit, plan: searchPlan, scoreMin, except: exceptTextIds, after },
      );
      return ranked.flatMap(({ textId, score }) => hitOf(textId, score, filter));
    },

    async texts(textIds) {
      return new Map(
        textIds
          .flatMap((id) => texts.get(id) ?? [])
          .map((text) => [text.record.id, bareText(text)]),
      );
    },
    async vectors(textIds) {
      return new Map(
        textIds.flatMap((id) => {
          const text = texts.get(id);
          return text === undefined || text.isWithheld
            ? []
            : [[id, text.record.embedding.vector.slice()]];
        }),
      );
    },
    async events(filter, limit, after) {
      return matching(filter)
        .map(storedEvent)
        .filter((event) => after === undefined || byAge(after, event) < 0)
        .slice(0, limit);
    },
    async event(id) {
      const record = events.get(id);
      return record === undefined ? null : storedEvent(record);
    },
    async countsBy({ by, filter, limit }) {
      const counts = new Map<string, number>();
      for (const record of matching(filter)) {
        const value = groupOf(record, by);
        if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      return [...counts]
        .map(([value, count]) => ({ value, count }))
        .toSorted(byCount)
        .slice(0, limit);
    },
    async counts() {
      return { texts: texts.size, events: events.size };
    },
    async forget({ ingestedBefore, now: at, textGraceMs }) {
      const old = events
        .values()
        .filter(({ ingestedAt }) => ingestedAt < ingestedBefore)
        .toArray();
      for (const { event } of old) events.delete(event.id);
      for (const textId of new Set(old.map((record) => record.textId)))
        markIfUnreferenced(textId, at);
      const unused = texts
        .values()
        .filter(
          ({ unreferencedSince }) =>
            unreferencedSince !== null && unreferencedSince < at - textGraceMs,
        )
        .toArray();
      for (const { record } of unused) texts.delete(record.id);
      return { events: old.length, texts: unused.length, more: false };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function bareText({ record: { id, text, kind, product } }: Text): BareText {
  return { id, text, kind, product };
}

function matches({ event, textId }: EventRecord, filter: EventFilter): boolean {
  const {
    eventTypes,
    categories,
    userId,
    sessionId,
    textIds,
    productId,
    priceMin,
    priceMax,
    since,
    until,
  } = filter;
  const category = event.product?.category ?? null;
  const price = event.product?.price ?? null;
  return (
    (eventTypes === undefined || eventTypes.includes(event.eventType)) &&
    (categories === undefined || (category !== null && categories.includes(category))) &&
    (userId === undefined || event.userId === userId) &&
    (sessionId === undefined || event.sessionId === sessionId) &&
    (textIds === undefined || textIds.includes(textId)) &&
    (productId === undefined || event.product?.id === productId) &&
    (priceMin === undefined || (price !== null && price >= priceMin)) &&
    (priceMax === undefined || (price !== null && price <= priceMax)) &&
    (since === undefined || event.timestamp >= since) &&
    (until === undefined || event.timestamp <= until)
  );
}

function groupOf({ event, textId }: EventRecord, by: CountsRequest['by']): string | null {
  if (by === 'textId') return textId;
  return by === 'eventType' ? event.eventType : (event.product?.category ?? null);
}

function newestFirst(a: EventRecord, b: EventRecord): number {
  return byAge(a.event, b.event);
}

type Place = { readonly timestamp: number; readonly id: string };

/** Newest first; of the same time the highest id. */
function byAge(a: Place, b: Place): number {
  return b.timestamp - a.timestamp || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

function storedEvent({ event, textId, ingestedAt }: EventRecord): StoredEvent {
  return { id: event.id, textId, timestamp: event.timestamp, ingestedAt, payload: event.payload };
}
