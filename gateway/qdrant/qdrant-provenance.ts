// Finds and withholds the texts that a runner's session embedded, and keeps the marks of sessions
// in a collection of their own.
//
// A withheld text keeps its point, but gets a kind that no search asks for, and no session. One
// filtered request withholds any number of texts.

import type { BareText, SessionMark, SessionWork, ProvenanceStore } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { type Condition, hasId, isSince } from './qdrant-filter.ts';
import { bareText, timeAt, timeOf } from './qdrant-points.ts';

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
}: {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
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
    mark: ({ runnerSession, verifiedUntil, renewedAt }) =>
      qdrant.write("mark a runner's session", (client) =>
        applied(
          client.upsert(names.sessions, {
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
          client.delete(names.sessions, { filter: { must: [hasId([runnerSession])] }, wait: true }),
        ),
      ),
    marks: () =>
      qdrant.read(
        "read the marks of runners' sessions",
        async (client): Promise<readonly SessionMark[]> => {
          const { points } = await client.scroll(names.sessions, {
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
    withheld: (limit) => find([{ key: 'kind', match: { value: withheldKind } }], limit),
  };
}
