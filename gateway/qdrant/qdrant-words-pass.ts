// Goes over all texts and then over all words, in small steps: it adds the words that are missing,
// and deletes those of texts that are gone.

import type { Schemas } from '@qdrant/js-client-rest';
import type { VectorStore } from '#core/ports.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { bareText } from './qdrant-points.ts';
import type { QdrantWords } from './qdrant-words.ts';

/** Texts that one step looks at. */
const pageMax = 128;

/** Each call is one step of a pass; `false` at its end. */
export function createWordsPass({
  qdrant,
  names,
  words,
}: {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly words: QdrantWords;
}): VectorStore['prepareWords'] {
  /** The place in a pass. `null`: its beginning. */
  let [stage, next]: ['texts' | 'words', Offset] = ['texts', null];

  const addMissing = async (offset: Offset): Promise<Offset> => {
    const { points, next_page_offset: after } = await qdrant.read('read texts', (client) =>
      client.scroll(names.texts, { limit: pageMax, offset, with_payload: ['text', 'product'] }),
    );
    // Those of other brands too: an older gateway beside this one puts products, and does not renew
    // these words.
    await words.prepare(points.map(bareText).filter(({ product }) => product !== null));
    return offsetOf(after);
  };

  const deleteNeedless = async (offset: Offset): Promise<Offset> => {
    const { points, next_page_offset: after } = await qdrant.read('read words', (client) =>
      client.scroll(names.words, { limit: pageMax, offset, with_payload: false }),
    );
    if (points.length > 0) await words.deleteGone(points.map(({ id }) => String(id)));
    return offsetOf(after);
  };

  return async () => {
    next = await (stage === 'texts' ? addMissing : deleteNeedless)(next);
    if (next === null) stage = stage === 'texts' ? 'words' : 'texts';
    return next !== null || stage === 'words';
  };
}

type Offset = string | number | null;

const offsetOf = (after: Schemas['ScrollRequest']['offset']): Offset =>
  typeof after === 'string' || typeof after === 'number' ? after : null;
