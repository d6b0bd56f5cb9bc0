// Deletes old events, and texts that have had no event for long, in bounded steps that several
// gateways may run at once.
//
// A crash between any two requests leaves no event that refers to a missing text: texts are marked
// before their events are deleted, and a text is deleted only while its mark is old, which Qdrant
// checks as it deletes.

import type { VectorStore } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import type { QdrantCatalogue } from './qdrant-catalogue.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { type Filter, hasId, isAnyText, isBefore } from './qdrant-filter.ts';
import { stringAt } from './qdrant-points.ts';
import type { QdrantTexts } from './qdrant-texts.ts';
import type { QdrantWords } from './qdrant-words.ts';

/** One call handles at most this many items of each kind. */
const forgetMax = 1_000;

type Parts = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly texts: QdrantTexts;
  readonly words: QdrantWords;
  readonly catalogue: QdrantCatalogue;
};

export function createQdrantRetention(parts: Parts): VectorStore['forget'] {
  return async ({ ingestedBefore, now, textGraceMs }) => {
    const events = await forgetEvents(parts, ingestedBefore);
    const { looked, deleted } = await forgetTexts(parts, now - textGraceMs);
    return { events, texts: deleted, more: events === forgetMax || looked === forgetMax };
  };
}

/** @returns the number of old events that were found */
async function forgetEvents(
  { qdrant, names, texts }: Parts,
  ingestedBefore: number,
): Promise<number> {
  const isOld = isBefore('ingested_at', ingestedBefore);
  const old = await qdrant.read('find old events', async (client) => {
    const { points } = await client.scroll(names.events, {
      filter: { must: [isOld] },
      limit: forgetMax,
      with_payload: ['text_id'],
    });
    return points.map(({ id, payload }) => ({
      id: String(id),
      textId: stringAt(payload, 'text_id'),
    }));
  });
  if (old.length === 0) return 0;
  await texts.mark([...new Set(old.map(({ textId }) => textId))]);
  // The condition keeps an event that got a newer version meanwhile.
  await qdrant.write('delete old events', (client) =>
    applied(
      client.delete(names.events, {
        filter: { must: [hasId(old.map(({ id }) => id)), isOld] },
        wait: true,
      }),
    ),
  );
  return old.length;
}

/** Deletes texts with an old mark that nothing refers to, and clears the old marks of others. */
async function forgetTexts(
  { qdrant, names, texts, words, catalogue }: Parts,
  unreferencedBefore: number,
): Promise<{ readonly looked: number; readonly deleted: number }> {
  const isOld = isBefore('unreferenced_since', unreferencedBefore);
  const stillMarked = (ids: readonly string[]): Filter => ({ must: [hasId(ids), isOld] });
  const marked = await qdrant.read('find unused texts', async (client) => {
    const { points } = await client.scroll(names.texts, {
      filter: { must: [isOld] },
      limit: forgetMax,
      with_payload: false,
    });
    return points.map(({ id }) => String(id));
  });
  if (marked.length === 0) return { looked: 0, deleted: 0 };
  const withEvents = await qdrant.read('count events', async (client) => {
    const { hits } = await client.facet(names.events, {
      key: 'text_id',
      filter: { must: [isAnyText(marked)] },
      limit: marked.length,
      exact: true,
    });
    return new Set(hits.map(({ value }) => String(value)));
  });
  const used = withEvents.union(await catalogue.usedTexts(marked));
  const unused = marked.filter((id) => !used.has(id));
  if (used.size > 0) {
    await qdrant.write('clear marks', (client) =>
      applied(
        client.setPayload(names.texts, {
          payload: { unreferenced_since: null },
          filter: stillMarked([...used]),
          wait: true,
        }),
      ),
    );
  }
  if (unused.length > 0) {
    texts.forgotten(unused);
    await qdrant.write('delete unused texts', (client) =>
      applied(client.delete(names.texts, { filter: stillMarked(unused), wait: true })),
    );
    await words.deleteGone(unused);
    await catalogue.textsGone(unused);
  }
  return { looked: marked.length, deleted: unused.length };
}
