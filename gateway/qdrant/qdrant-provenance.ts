// Finds and withholds the texts that a runner's session embedded, and keeps the marks of sessions
// in a collection of their own.
//
// A withheld text keeps its point, but gets a kind that no search asks for, and no session. One
// filtered request withholds any number of texts.

import type { Schemas } from '@qdrant/js-client-rest';
import { isUuid } from '#core/event/uuid.ts';
import type { BareText, SessionMark, SessionWork, ProvenanceStore } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { type Condition, hasId, isSince } from './qdrant-filter.ts';
import {
  bareText,
  provenanceFields,
  provenanceOf,
  timeAt,
  timeOf,
  vectorOf,
} from './qdrant-points.ts';

/** The kind of a withheld text, in place of `product` or `query`. */
export const withheldKind = 'withheld';
const withheldSession = '';
const marksMax = 10_000;

const workOf = ({ runnerSession, since }: SessionWork): Condition[] => [
  { key: 'runner_session', match: { value: runnerSession } },
  isSince('embedded_at', since),
];

export function createQdrantProvenance({
  qdrant,
  names,
  dimensions,
}: {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly dimensions: number;
}): ProvenanceStore {
  const find = (must: Condition[], limit: number): Promise<readonly BareText[]> =>
    qdrant.read("find a runner's texts", async (client) => {
      const { points } = await client.scroll(names.texts, {
        filter: { must },
        limit,
        with_payload: ['text', 'product'],
      });
      return points.map(bareText);
    });

  return {
    ...sessionMarks(qdrant, names.sessions),
    embeddedBy: (work, limit) => find(workOf(work), limit),
    withhold: (work) =>
      qdrant.write("withhold a runner's texts", (client) =>
        applied(
          client.setPayload(names.texts, {
            payload: { kind: withheldKind, runner_session: withheldSession },
            filter: { must: workOf(work) },
            wait: true,
          }),
        ),
      ),
    textsAfter: (after, limit) =>
      qdrant.read('read its texts one page after the other', async (client) => {
        const { points } = await client.scroll(names.texts, {
          // A page begins with the point at the offset, which the page before had.
          ...(after === null ? {} : { offset: after }),
          limit: limit + 1,
          with_payload: ['text', 'product'],
        });
        return points
          .filter(({ id }) => id !== after)
          .slice(0, limit)
          .map(bareText);
      }),
    embeddings: (textIds) =>
      readVectors(qdrant, names.texts, textIds, provenanceFields, (point) => ({
        vector: vectorOf(point, dimensions),
        provenance: provenanceOf(point),
      })),
    withheld: (limit) => find([{ key: 'kind', match: { value: withheldKind } }], limit),
  };
}

function sessionMarks(
  qdrant: Qdrant,
  sessions: string,
): Pick<ProvenanceStore, 'mark' | 'unmark' | 'marks'> {
  return {
    mark: ({ runnerSession, verifiedUntil, renewedAt }) =>
      qdrant.write("mark a runner's session", (client) =>
        applied(
          client.upsert(sessions, {
            points: [
              {
                id: runnerSession,
                vector: {},
                payload: { good_until: timeOf(verifiedUntil), renewed_at: timeOf(renewedAt) },
              },
            ],
            wait: true,
          }),
        ),
      ),
    unmark: (runnerSession) =>
      qdrant.write("delete the mark of a runner's session", (client) =>
        applied(
          client.delete(sessions, { filter: { must: [hasId([runnerSession])] }, wait: true }),
        ),
      ),
    marks: () =>
      qdrant.read(
        "read the marks of runners' sessions",
        async (client): Promise<readonly SessionMark[]> => {
          const { points } = await client.scroll(sessions, {
            limit: marksMax,
            with_payload: true,
          });
          return points.map(({ id, payload }) => ({
            runnerSession: String(id),
            verifiedUntil: timeAt(payload, 'good_until'),
            renewedAt: timeAt(payload, 'renewed_at'),
          }));
        },
      ),
  };
}

/** Reads something of the texts among these that are known, with their vectors. */
export async function readVectors<T>(
  qdrant: Qdrant,
  collection: string,
  textIds: readonly string[],
  fields: readonly string[],
  read: (point: Schemas['Record']) => T,
): Promise<ReadonlyMap<string, T>> {
  const ids = [...new Set(textIds)].filter(isUuid);
  if (ids.length === 0) return new Map();
  return qdrant.read('read vectors', async (client) => {
    const points = await client.retrieve(collection, {
      ids,
      with_payload: ['kind', ...fields],
      with_vector: true,
    });
    return new Map(
      points
        .filter(({ payload }) => payload?.['kind'] !== withheldKind)
        .map((point) => [String(point.id), read(point)]),
    );
  });
}
