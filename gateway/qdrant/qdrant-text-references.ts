// Knows which texts in Qdrant events may refer to, and marks texts that no event may refer to any
// more.
//
// A mark, `unreferenced_since`, is a hint with a time. Before an event refers to a marked text, the
// mark gets the present time. Only qdrant-delete-old-events.ts deletes texts, under a condition on
// the mark that Qdrant checks as it deletes.

import type { QdrantClient } from '@qdrant/js-client-rest';
import { isUuid } from '#core/event/uuid.ts';
import type { Clock } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import { erasedKind } from './erased-kind.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { hasId } from './qdrant-filter.ts';
import { timeOf } from './qdrant-points.ts';
import { withheldKind } from './qdrant-provenance.ts';
import { SeenTexts } from './seen-texts.ts';

export type QdrantTextReferences = {
  /** The ids among `ids` of texts that exist and are not withheld. */
  known(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** The ids among `ids` of texts that exist; those that were seen recently come from memory. */
  stillThere(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Marks these texts as texts without events, until the sweep finds otherwise. */
  mark(ids: readonly string[]): Promise<void>;
  /**
   * These texts were written.
   *
   * @param at when the write began, by the monotonic clock
   */
  written(ids: Iterable<string>, at: number): void;
  /** These texts are being deleted; without `ids` the whole collection is gone. */
  forgotten(ids?: Iterable<string>): void;
};

export function createTextReferences({
  qdrant,
  collection,
  clock,
}: {
  readonly qdrant: Qdrant;
  readonly collection: string;
  readonly clock: Clock;
}): QdrantTextReferences {
  const seen = new SeenTexts();

  const setMarks = (client: QdrantClient, ids: readonly string[]): Promise<void> =>
    applied(
      client.setPayload(collection, {
        payload: { unreferenced_since: timeOf(clock.now()) },
        filter: { must: [hasId(ids)] },
        wait: true,
      }),
    );

  /** The texts among `ids` that exist, with their kind. Their marks get the present time. */
  const lookUp = async (ids: readonly string[]): Promise<ReadonlyMap<string, unknown>> => {
    const valid = [...new Set(ids)].filter(isUuid);
    if (valid.length === 0) return new Map();
    const at = clock.monotonic();
    const found = await qdrant.read('look up texts', async (client) => {
      const points = await client.retrieve(collection, {
        ids: valid,
        with_payload: ['kind', 'unreferenced_since'],
      });
      const isMarked = ({ payload }: (typeof points)[number]): boolean =>
        typeof payload?.['unreferenced_since'] === 'string';
      const marked = points.filter(isMarked).map(({ id }) => String(id));
      if (marked.length > 0) await setMarks(client, marked);
      // Read again: a text that the sweep deleted in between was not marked again, and is gone.
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
    seen.add(found.keys(), at);
    return found;
  };

  return {
    async known(ids) {
      const found = await lookUp(ids);
      return new Set(
        [...found]
          .filter(([, kind]) => kind !== withheldKind && kind !== erasedKind)
          .map(([id]) => id),
      );
    },
    async stillThere(ids) {
      const now = clock.monotonic();
      const found = await lookUp(ids.filter((id) => !seen.has(id, now)));
      // A text that was seen may have been forgotten during the look-up.
      return new Set(ids.filter((id) => found.has(id) || seen.has(id, now)));
    },
    async mark(ids) {
      if (ids.length > 0) await qdrant.write('mark texts', (client) => setMarks(client, ids));
    },
    written: (ids, at) => seen.add(ids, at),
    forgotten: (ids) => seen.forget(ids),
  };
}
