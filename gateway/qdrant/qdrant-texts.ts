// Texts in Qdrant: which are known, their vectors, and marks on those that no event may refer to
// any more.
//
// A mark, `unreferenced_since`, is a hint with a time. Whoever is about to refer to a marked text
// makes its mark younger first; only the sweep (qdrant-forget.ts) deletes, and only by a condition
// on the mark that Qdrant checks as it deletes.

import type { QdrantClient } from '@qdrant/js-client-rest';
import { isUuid } from '#core/event/uuid.ts';
import type { BareText, Clock, TextRecord, WriteOutcome } from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import { applied } from './applied-write.ts';
import type { Ask } from './qdrant-connection.ts';
import { type Condition, hasId } from './qdrant-filter.ts';
import { bareText, textPoint, timeOf } from './qdrant-points.ts';
import { withheldKind } from './qdrant-provenance.ts';

export type QdrantTexts = {
  /** Those that are there and not withheld. */
  known(ids: readonly string[]): Promise<ReadonlySet<string>>;
  put(texts: readonly TextRecord[]): Promise<readonly WriteOutcome[]>;
  read(ids: readonly string[]): Promise<ReadonlyMap<string, BareText>>;
  vectors(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  /** From now on these texts count as without events until the sweep finds otherwise. */
  mark(ids: readonly string[]): Promise<void>;
  /** Those of `ids` that are there, from memory when they were seen there within `rememberedMs`. */
  stillThere(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** These are being deleted; without `ids` the whole collection is gone. */
  forgotten(ids?: Iterable<string>): void;
};

/**
 * A text seen in the store cannot go for the whole grace of the sweep, which is longer than this by
 * far: an event may refer to it without asking again. It spares nearly every batch of events a
 * look-up.
 */
const rememberedMs = 30_000;
const rememberedMax = 100_000;

export function createQdrantTexts({
  ask,
  collection,
  dimensions,
  clock,
}: {
  readonly ask: Ask;
  readonly collection: string;
  readonly dimensions: number;
  readonly clock: Clock;
}): QdrantTexts {
  const seenAt = new Map<string, number>();

  const remember = (ids: Iterable<string>, at: number): void => {
    for (const id of ids) {
      seenAt.delete(id);
      seenAt.set(id, at);
    }
    if (seenAt.size > rememberedMax) forgetTheOldest();
  };
  /** Half of them at once, so that a map is not stepped through for each. */
  const forgetTheOldest = (): void => {
    let surplus = seenAt.size - rememberedMax / 2;
    for (const id of seenAt.keys()) {
      if (surplus-- <= 0) return;
      seenAt.delete(id);
    }
  };

  const setMark = (client: QdrantClient, condition: Condition): Promise<void> =>
    applied(
      client.setPayload(collection, {
        payload: { unreferenced_since: timeOf(clock.now()) },
        filter: { must: [condition] },
        wait: true,
      }),
    );

  /** Those of `ids` that are there, with their kind; a marked one is marked anew. */
  const lookUp = async (ids: readonly string[]): Promise<ReadonlyMap<string, unknown>> => {
    const asked = [...new Set(ids)].filter(isUuid);
    if (asked.length === 0) return new Map();
    const at = clock.monotonic();
    const found = await ask('look up texts', async (client) => {
      const points = await client.retrieve(collection, {
        ids: asked,
        with_payload: ['kind', 'unreferenced_since'],
      });
      const isMarked = ({ payload }: (typeof points)[number]): boolean =>
        typeof payload?.['unreferenced_since'] === 'string';
      const marked = points.filter(isMarked).map(({ id }) => String(id));
      if (marked.length > 0) await setMark(client, hasId(marked));
      // One that the sweep took in between was not marked again, and is gone.
      const kept =
        marked.length === 0
          ? []
          : await client.retrieve(collection, { ids: marked, with_payload: ['kind'] });
      return new Map(
        [...points.filter((point) => !isMarked(point)), ...kept].map(({ id, payload }) => [
          String(id),
          payload?.['kind'],
        ]),
      );
    });
    remember(found.keys(), at);
    return found;
  };

  return {
    async known(ids) {
      const found = await lookUp(ids);
      return new Set([...found].filter(([, kind]) => kind !== withheldKind).map(([id]) => id));
    },

    async put(texts) {
      const outcomes = texts.map((text) => refusalOf(text, dimensions) ?? stored);
      const good = texts.filter((_, index) => outcomes[index] === stored);
      if (good.length === 0) return outcomes;
      const at = clock.monotonic();
      const points = good.map((text) => textPoint(text, clock.now()));
      await ask('write texts', (client) =>
        applied(client.upsert(collection, { points, wait: true })),
      );
      remember(
        good.map(({ id }) => id),
        at,
      );
      return outcomes;
    },

    async read(ids) {
      const asked = [...new Set(ids)].filter(isUuid);
      if (asked.length === 0) return new Map();
      return ask('read texts', async (client) => {
        const points = await client.retrieve(collection, {
          ids: asked,
          with_payload: ['text', 'product'],
        });
        return new Map(points.map((point) => [String(point.id), bareText(point)]));
      });
    },

    async vectors(ids) {
      const asked = [...new Set(ids)].filter(isUuid);
      if (asked.length === 0) return new Map();
      return ask('read vectors', async (client) => {
        const points = await client.retrieve(collection, {
          ids: asked,
          with_payload: ['kind'],
          with_vector: true,
        });
        return new Map(
          points
            .filter(({ payload }) => payload?.['kind'] !== withheldKind)
            .map(({ id, vector }) => [String(id), vectorOf(vector, dimensions)]),
        );
      });
    },

    async mark(ids) {
      if (ids.length > 0) await ask('mark texts', (client) => setMark(client, hasId(ids)));
    },

    async stillThere(ids) {
      const now = clock.monotonic();
      const isSeen = (id: string): boolean => now - (seenAt.get(id) ?? -Infinity) < rememberedMs;
      const unseen = ids.filter((id) => !isSeen(id));
      const found = unseen.length === 0 ? new Map<string, unknown>() : await lookUp(unseen);
      return new Set(ids.filter((id) => found.has(id) || isSeen(id)));
    },

    forgotten(ids) {
      if (ids === undefined) seenAt.clear();
      else for (const id of ids) seenAt.delete(id);
    },
  };
}

const stored: WriteOutcome = { status: 'stored' };

function refusalOf({ id, embedding }: TextRecord, dimensions: number): WriteOutcome | null {
  const message = isUuid(id)
    ? vectorProblem(embedding.vector, dimensions)
    : `the text's id "${id}" is not a UUID`;
  return message === null ? null : { status: 'rejected', message };
}

function vectorOf(found: unknown, dimensions: number): Float32Array {
  if (!Array.isArray(found)) throw new TypeError('a text has no vector');
  const vector = Float32Array.from(found);
  const problem = vectorProblem(vector, dimensions);
  if (problem !== null) throw new TypeError(problem);
  return vector;
}
