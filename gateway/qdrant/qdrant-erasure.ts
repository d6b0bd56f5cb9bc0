// Erases persons from Qdrant: keeps tombstones and requests in a collection of their own, and
// deletes events.
//
// The text of a query that nobody else searched for is blanked at once. Its point stays until the
// retention sweep deletes it, because another gateway may still know it and write an event for it.

import type { ErasureStore, ErasureSubject } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import { erasedKind } from './erased-kind.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { createQdrantErasureRequests } from './qdrant-erasure-requests.ts';
import { type Condition, hasId, isAnyText } from './qdrant-filter.ts';
import { stringAt, timeOf } from './qdrant-points.ts';
import type { QdrantTexts } from './qdrant-texts.ts';
import { createQdrantTombstones } from './qdrant-tombstones.ts';

const eraseMax = 1_000;

type Parts = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly texts: QdrantTexts;
  /** See `ErasureStore`. */
  readonly settleMs: number;
};

export function createQdrantErasure(parts: Parts): ErasureStore {
  const { qdrant, names, settleMs } = parts;
  return {
    settleMs,
    ...createQdrantTombstones(qdrant, names.erasures),
    ...createQdrantErasureRequests(qdrant, names.erasures),
    eraseEvents: (request) => eraseEvents(parts, request),
  };
}

const idKeys = { user: 'user_id', session: 'session_id', product: 'product.id' } as const;

function conditionsOf({ kind, id }: ErasureSubject, until: number): Condition[] {
  const upTo = (key: string): Condition => ({ key, range: { lte: timeOf(until) } });
  if (kind === 'event') return [hasId([id]), upTo('timestamp')];
  return [
    { key: idKeys[kind], match: { value: id.toWellFormed() } },
    { should: [upTo('timestamp'), upTo('ingested_at')] },
  ];
}

async function eraseEvents(
  { qdrant, names, texts }: Parts,
  { subject, until }: Parameters<ErasureStore['eraseEvents']>[0],
): ReturnType<ErasureStore['eraseEvents']> {
  const must = conditionsOf(subject, until);
  const found = await qdrant.read('find events to erase', async (client) => {
    const { points } = await client.scroll(names.events, {
      filter: { must },
      limit: eraseMax,
      with_payload: ['text_id'],
    });
    return points.map(({ id, payload }) => ({
      id: String(id),
      textId: stringAt(payload, 'text_id'),
    }));
  });
  if (found.length === 0) return { events: 0, texts: 0, more: false };
  const textIds = [...new Set(found.map(({ textId }) => textId))];
  await texts.mark(textIds);
  // Blanked before the events go: after a crash in between, the events lead here again.
  const blanked = await blankQueries(
    { qdrant, names, texts },
    textIds,
    found.map(({ id }) => id),
  );
  await qdrant.write('erase events', (client) =>
    applied(
      client.delete(names.events, {
        filter: { must: [hasId(found.map(({ id }) => id)), ...must] },
        wait: true,
      }),
    ),
  );
  return { events: found.length, texts: blanked, more: found.length === eraseMax };
}

/** Blanks the queries among these texts to which no other event refers. */
async function blankQueries(
  { qdrant, names, texts }: Omit<Parts, 'settleMs'>,
  textIds: readonly string[],
  eventIds: readonly string[],
): Promise<number> {
  const used = await qdrant.read('count other events', async (client) => {
    const { hits } = await client.facet(names.events, {
      key: 'text_id',
      filter: { must: [isAnyText(textIds)], must_not: [hasId(eventIds)] },
      limit: textIds.length,
      exact: true,
    });
    return new Set(hits.map(({ value }) => String(value)));
  });
  const read = await texts.read(textIds.filter((id) => !used.has(id)));
  const queries = [...read.values()].filter(({ kind }) => kind === 'query').map(({ id }) => id);
  if (queries.length === 0) return 0;
  texts.forgotten(queries);
  await qdrant.write('blank queries', (client) =>
    applied(
      client.setPayload(names.texts, {
        payload: { kind: erasedKind, text: '' },
        filter: { must: [hasId(queries)] },
        wait: true,
      }),
    ),
  );
  return queries.length;
}
