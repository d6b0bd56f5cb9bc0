// Texts in Qdrant with their vectors: written, read, and looked up before events refer to them.

import { isUuid } from '#core/event/uuid.ts';
import type { BareText, Clock, TextRecord, WriteOutcome } from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import { applied } from './applied-write.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { bareText, textPoint, vectorOf } from './qdrant-points.ts';
import { readVectors } from './qdrant-provenance.ts';
import { createTextReferences, type QdrantTextReferences } from './qdrant-text-references.ts';
import type { QdrantWords } from './qdrant-words.ts';

export type QdrantTexts = QdrantTextReferences & {
  put(texts: readonly TextRecord[]): Promise<readonly WriteOutcome[]>;
  read(ids: readonly string[]): Promise<ReadonlyMap<string, BareText>>;
  vectors(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
};

export function createQdrantTexts({
  qdrant,
  collection,
  words,
  dimensions,
  clock,
}: {
  readonly qdrant: Qdrant;
  readonly collection: string;
  readonly words: QdrantWords;
  readonly dimensions: number;
  readonly clock: Clock;
}): QdrantTexts {
  const references = createTextReferences({ qdrant, collection, clock });

  return {
    ...references,

    async put(texts) {
      const outcomes = texts.map((text) => refusalOf(text, dimensions) ?? stored);
      const valid = texts.filter((_, index) => outcomes[index] === stored);
      if (valid.length === 0) return outcomes;
      const at = clock.monotonic();
      const points = valid.map((text) => textPoint(text, clock.now()));
      // A brand that changes between the two is found by the pass over all words.
      const [brands] = await Promise.all([
        words.brandsNow(valid.flatMap(({ id, product }) => (product === null ? [] : [id]))),
        qdrant.write('write texts', (client) =>
          applied(client.upsert(collection, { points, wait: true })),
        ),
      ]);
      // After the text: see `deleteGone` of the words.
      await words.put(valid, brands);
      references.written(
        valid.map(({ id }) => id),
        at,
      );
      return outcomes;
    },

    async read(ids) {
      const valid = [...new Set(ids)].filter(isUuid);
      if (valid.length === 0) return new Map();
      return qdrant.read('read texts', async (client) => {
        const points = await client.retrieve(collection, {
          ids: valid,
          with_payload: ['text', 'product'],
        });
        return new Map(points.map((point) => [String(point.id), bareText(point)]));
      });
    },

    vectors: (ids) =>
      readVectors(qdrant, collection, ids, [], (point) => vectorOf(point, dimensions)),
  };
}

const stored: WriteOutcome = { status: 'stored' };

function refusalOf({ id, embedding }: TextRecord, dimensions: number): WriteOutcome | null {
  const message = isUuid(id)
    ? vectorProblem(embedding.vector, dimensions)
    : `the text's id "${id}" is not a UUID`;
  return message === null ? null : { status: 'rejected', message };
}
