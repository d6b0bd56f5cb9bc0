// A vector store that tells the sink what changes behind the events: vectors that are replaced or
// withheld, and what is erased. What a crash interrupts is told by whoever carries on with it.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { ErasureStore, ProvenanceStore, StoredEvent, VectorStore } from '#core/ports.ts';
import { announcedStoredEvent } from './announced-event.ts';
import type { ChangeFeed } from './change-feed.ts';

/** How many withheld texts are told of at once; the others when these have new vectors. */
const withheldMax = 10_000;
const eventsAtOnce = 500;
/** Erasures that were begun and not ended. */
const erasuresMax = 1_000;

/**
 * A write that replaces vectors, and an erasure, fail while the sink is down, and are tried again.
 * Everything else goes on without it; above all, a wrong vector is withheld at once.
 */
export function announcedStore(store: VectorStore, feed: ChangeFeed): VectorStore {
  return {
    ...store,
    provenanceStore: announcedProvenance(store.provenanceStore, feed),
    erasureStore: announcedErasure(store, feed),
    async putTexts(texts) {
      const known = await store.texts(texts.map(({ id }) => id));
      if (known.size === 0) return store.putTexts(texts);
      // Before and after: a crash in between loses no correction, and the last one is true.
      await feed.replacing(texts.filter(({ id }) => known.has(id)));
      const outcomes = await store.putTexts(texts);
      await feed.texts([...known.keys()]);
      return outcomes;
    },
  };
}

function announcedProvenance(inner: ProvenanceStore, feed: ChangeFeed): ProvenanceStore {
  const told = new BoundedMap<string, true>(() => 2 * withheldMax);
  // A gateway that is gone may not have told of all.
  let mayBeUntold = true;
  return {
    ...inner,
    async withhold(work) {
      await inner.withhold(work);
      told.clear();
      mayBeUntold = true;
    },
    /** The repair asks for them right after `withhold`, and until none is left. */
    async withheld(limit) {
      const asked = mayBeUntold ? Math.max(limit, withheldMax) : limit;
      mayBeUntold = false;
      try {
        const texts = await inner.withheld(asked);
        const untold = texts.map(({ id }) => id).filter((id) => !told.has(id));
        await feed.texts(untold);
        for (const id of untold) told.set(id, true);
        mayBeUntold ||= texts.length >= withheldMax;
        return texts.slice(0, limit);
      } catch (error) {
        mayBeUntold = true;
        throw error;
      }
    },
  };
}

type Erasure = Parameters<ErasureStore['eraseEvents']>[0];

function announcedErasure(
  store: Pick<VectorStore, 'erasureStore' | 'event' | 'events'>,
  feed: ChangeFeed,
): ErasureStore {
  /** Of each erasure that is under way, the texts of its events. */
  const underWay = new BoundedMap<string, ReadonlySet<string>>(() => erasuresMax);

  async function tellOf(erasure: Erasure): Promise<ReadonlySet<string>> {
    const textIds = new Set<string>();
    for await (const page of eventsOf(store, erasure)) {
      // A query may go with its events, and nobody finds it afterwards. If it stays, it is told
      // of again.
      const queries = page.filter(isSearch).map(({ textId }) => textId);
      await feed.deleted([...page, ...[...new Set(queries)].map((id) => ({ id, textId: id }))]);
      for (const { textId } of page) textIds.add(textId);
    }
    return textIds;
  }

  return {
    ...store.erasureStore,
    async eraseEvents(erasure) {
      const name = JSON.stringify([erasure.subject, erasure.until]);
      const textIds = underWay.get(name) ?? (await tellOf(erasure));
      underWay.set(name, textIds);
      const erased = await store.erasureStore.eraseEvents(erasure);
      if (erased.more) return erased;
      await feed.texts([...textIds]);
      underWay.delete(name);
      return erased;
    },
  };
}

/** The events that `eraseEvents` deletes, page by page. */
async function* eventsOf(
  store: Pick<VectorStore, 'event' | 'events'>,
  { subject: { kind, id }, until }: Erasure,
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  if (kind === 'event') {
    const event = await store.event(id);
    if (event !== null && event.timestamp <= until) yield [event];
    return;
  }
  const filter = { user: { userId: id }, session: { sessionId: id }, product: { productId: id } }[
    kind
  ];
  let page = await store.events(filter, eventsAtOnce);
  for (; page.length > 0; page = await store.events(filter, eventsAtOnce, page.at(-1)))
    yield page.filter(({ timestamp, ingestedAt }) => timestamp <= until || ingestedAt <= until);
}

const isSearch = (event: StoredEvent): boolean =>
  announcedStoredEvent(event).eventType === 'search';
