// Events in Qdrant: the newest version of each, never one that points to no text, listed newest
// first.
//
// What `putEvents` promises with several gateways at work: a look at the stored versions decides
// the outcomes, then one upsert writes what is newer, each under the condition that the stored
// version is still older. Where another gateway was faster with a newer version it stays, and
// `stored` means: stored, and overwritten in the same moment.

import type { Schemas } from '@qdrant/js-client-rest';
import { isUuid } from '#core/event/uuid.ts';
import type {
  EventFilter,
  EventRecord,
  StoredEvent,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';
import { applied } from './applied-write.ts';
import type { Ask } from './qdrant-connection.ts';
import { type Filter, filterOf, hasId, isAtTime, isBefore } from './qdrant-filter.ts';
import { eventFields, eventPoint, storedEvent, stringAt, timeAt } from './qdrant-points.ts';
import type { QdrantTexts } from './qdrant-texts.ts';

export type QdrantEvents = {
  put(records: readonly EventRecord[]): Promise<readonly WriteOutcome[]>;
  byId(ids: readonly string[]): Promise<readonly StoredEvent[]>;
  list: VectorStore['events'];
  countsBy: VectorStore['countsBy'];
};

const countedKeys = {
  textId: 'text_id',
  category: 'product.category',
  eventType: 'event_type',
} as const;

/** Ids read at a time where many events share a millisecond. */
const tiePage = 1_000;

type Version = { readonly timestamp: number; readonly textId: string };

export function createQdrantEvents({
  ask,
  collection,
  texts,
}: {
  readonly ask: Ask;
  readonly collection: string;
  readonly texts: QdrantTexts;
}): QdrantEvents {
  const versionsOf = (ids: readonly string[]): Promise<Map<string, Version>> =>
    ask('look up events', async (client) => {
      const points = await client.retrieve(collection, {
        ids: [...ids],
        with_payload: ['timestamp', 'text_id'],
      });
      return new Map(
        points.map(({ id, payload }) => [
          String(id),
          { timestamp: timeAt(payload, 'timestamp'), textId: stringAt(payload, 'text_id') },
        ]),
      );
    });

  const byId = async (ids: readonly string[]): Promise<readonly StoredEvent[]> => {
    const asked = ids.filter(isUuid);
    if (asked.length === 0) return [];
    return ask('read events', async (client) =>
      (await client.retrieve(collection, { ids: asked, with_payload: eventFields })).map(
        storedEvent,
      ),
    );
  };

  const newest = (filter: Filter, limit: number): Promise<readonly StoredEvent[]> =>
    ask('list events', async (client) => {
      const { points } = await client.scroll(collection, {
        filter,
        limit,
        order_by: { key: 'timestamp', direction: 'desc' },
        with_payload: eventFields,
      });
      return points.map(storedEvent).toSorted(newestFirst);
    });

  /**
   * Events of one millisecond, highest id first, below an id. Qdrant lists them in no order that
   * can be continued from, so all their ids are read: it costs as many as share the millisecond.
   */
  const ofMillisecond = async (
    filter: Filter,
    ms: number,
    below: string | null,
    limit: number,
  ): Promise<readonly StoredEvent[]> => {
    const within = { must: [...filter.must, isAtTime('timestamp', ms)] };
    const ids = await ask('list events', async (client) => {
      let highest: string[] = [];
      let offset: Schemas['ScrollResult']['next_page_offset'] = null;
      do {
        const page: Schemas['ScrollResult'] = await client.scroll(collection, {
          filter: within,
          limit: tiePage,
          with_payload: false,
          offset,
        });
        const lower = page.points
          .map(({ id }) => String(id))
          .filter((id) => below === null || id < below);
        highest = [...highest, ...lower].toSorted().slice(-limit);
        offset = page.next_page_offset ?? null;
      } while (offset !== null);
      return highest;
    });
    return (await byId(ids)).filter(({ timestamp }) => timestamp === ms).toSorted(newestFirst);
  };

  return {
    async put(records) {
      const refusals = records.map(refusalOf);
      const good = records.filter((_, index) => refusals[index] === null);
      if (good.length === 0) return refusals.filter((refusal) => refusal !== null);
      const [versions, there] = await Promise.all([
        versionsOf([...new Set(good.map(({ event }) => event.id))]),
        texts.stillThere([...new Set(good.map(({ textId }) => textId))]),
      ]);

      const writes = new Map<string, EventRecord>();
      const left = new Set<string>();
      const outcomes = records.map((record, index): WriteOutcome => {
        const {
          event: { id, timestamp },
          textId,
        } = record;
        const refusal = refusals[index] ?? null;
        if (refusal !== null) return refusal;
        if (!there.has(textId)) return missingText;
        const version = versions.get(id);
        if (version !== undefined && version.timestamp >= timestamp) return superseded;
        if (version !== undefined && version.textId !== textId) left.add(version.textId);
        versions.set(id, { timestamp, textId });
        writes.set(id, record);
        return stored;
      });
      if (writes.size === 0) return outcomes;

      // Before the write: a mark too many costs the sweep a look, one too few would keep a text for
      // ever.
      await texts.mark([...left]);
      const newer = [...writes.values()];
      const guard = {
        should: newer.map(({ event }) => ({
          must: [hasId([event.id]), isBefore('timestamp', event.timestamp)],
        })),
      };
      await ask('write events', (client) =>
        applied(
          client.upsert(collection, {
            points: newer.map(eventPoint),
            update_filter: guard,
            wait: true,
          }),
        ),
      );
      return outcomes;
    },

    byId,

    async countsBy({ by, filter: eventFilter, limit }) {
      const filter = filterOf(eventFilter);
      if (filter === null) return [];
      return ask('count events', async (client) => {
        const { hits } = await client.facet(collection, {
          key: countedKeys[by],
          filter,
          limit,
          exact: true,
        });
        return hits.map(({ value, count }) => ({ value: String(value), count })).toSorted(byCount);
      });
    },

    async list(eventFilter: EventFilter, limit, after) {
      const filter = filterOf(eventFilter);
      if (filter === null) return [];
      const listed =
        after === undefined
          ? []
          : [...(await ofMillisecond(filter, after.timestamp, after.id.toLowerCase(), limit))];
      const open = limit - listed.length;
      if (open <= 0) return listed;
      const older =
        after === undefined
          ? filter
          : { must: [...filter.must, isBefore('timestamp', after.timestamp)] };
      // One more than asked for tells whether the last millisecond of the page goes on behind it.
      const page = await newest(older, open + 1);
      const cut = page[open]?.timestamp;
      if (cut === undefined || cut !== page[open - 1]?.timestamp)
        return [...listed, ...page.slice(0, open)];
      const whole = page.filter(({ timestamp }) => timestamp > cut);
      return [...listed, ...whole, ...(await ofMillisecond(older, cut, null, open - whole.length))];
    },
  };
}

const stored: WriteOutcome = { status: 'stored' };
const superseded: WriteOutcome = { status: 'superseded' };
const missingText: WriteOutcome = { status: 'missing-text' };

function refusalOf({ event, textId }: EventRecord): WriteOutcome | null {
  const bad = [event.id, textId].find((id) => !isUuid(id));
  return bad === undefined
    ? null
    : { status: 'rejected', message: `the id "${bad}" is not a UUID` };
}

function newestFirst(a: StoredEvent, b: StoredEvent): number {
  return b.timestamp - a.timestamp || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
