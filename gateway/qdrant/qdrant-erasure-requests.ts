// Keeps requests to erase persons in Qdrant. Each session of a request is a point of its own, so
// that gateways that write the same request at once never undo what another has added.

import { partsOf } from '#core/collections/parts-of.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { ErasureRequest, ErasureStore } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { type Condition, hasId, isBefore, isSince, isValue } from './qdrant-filter.ts';
import { payloadsOf, putPoints } from './qdrant-payloads.ts';
import { stringAt, timeOf } from './qdrant-points.ts';

const requestsMax = 1_000;
const sessionsMax = 1_000;

export function createQdrantErasureRequests(
  qdrant: Qdrant,
  collection: string,
): Pick<ErasureStore, 'putRequest' | 'request' | 'openRequests'> {
  const sessions = createSessions(qdrant, collection);

  async function requestsIn(must: Condition[]): Promise<readonly ErasureRequest[]> {
    const found = await qdrant.read('read erasures', async (client) => {
      const { points } = await client.scroll(collection, {
        filter: { must: [isValue('type', 'request'), ...must] },
        limit: requestsMax,
        with_payload: true,
      });
      return points.map(({ payload }): ErasureRequest => JSON.parse(stringAt(payload, 'request')));
    });
    const whole: ErasureRequest[] = [];
    for (const request of found) {
      // Earlier versions wrote the sessions into the request.
      const ids = new Set(request.sessionIds);
      if (request.userId !== null) for (const id of await sessions.of(request.id)) ids.add(id);
      whole.push({ ...request, sessionIds: [...ids].toSorted() });
    }
    return whole;
  }

  return {
    async putRequest(request) {
      const { id, userId, at, finishedAt } = request;
      // Before the request: whoever reads it finds them.
      await sessions.add(request);
      const payload = {
        type: 'request',
        at: timeOf(at),
        is_open: finishedAt === null ? 'yes' : 'no',
        request: JSON.stringify({ ...request, sessionIds: [] }),
      };
      // Earlier versions wrote requests without this time.
      const replaceable = { must_not: [isSince('at', at + 1)] };
      const points = [{ id, vector: {}, payload }];
      await putPoints(qdrant, collection, 'write an erasure', points, replaceable);
      if (userId === null) await sessions.forget(request);
    },
    async request(id) {
      const [found = null] = await requestsIn([hasId([id])]);
      return found;
    },
    openRequests: () => requestsIn([isValue('is_open', 'yes')]),
  };
}

type Sessions = {
  /** Session ids of the request with this id. */
  of(id: string): Promise<readonly string[]>;
  add(request: ErasureRequest): Promise<void>;
  /** Deletes the sessions of the request, but not those that a later one has. */
  forget(request: ErasureRequest): Promise<void>;
};

const isOf = (id: string): Condition[] => [isValue('type', 'session'), isValue('of', id)];

function createSessions(qdrant: Qdrant, collection: string): Sessions {
  return {
    async of(id) {
      const points = await payloadsOf(qdrant, collection, 'read sessions to erase', isOf(id));
      return points.map((payload): string => JSON.parse(stringAt(payload, 'session')));
    },
    async add({ id, at, sessionIds }) {
      const pointOf = (sessionId: string) => {
        // JSON, because Qdrant refuses half a surrogate pair.
        const session = JSON.stringify(sessionId);
        const payload = { type: 'session', of: id, session, at: timeOf(at) };
        return { id: uuidV5(`${id} ${session}`), vector: {}, payload };
      };
      for (const part of partsOf(sessionIds, sessionsMax)) {
        const older = { must: [isBefore('at', at)] };
        await putPoints(qdrant, collection, 'write sessions to erase', part.map(pointOf), older);
      }
    },
    forget: ({ id, at }) =>
      qdrant.write('forget sessions to erase', (client) =>
        applied(
          client.delete(collection, {
            filter: { must: [...isOf(id), isBefore('at', at + 1)] },
            wait: true,
          }),
        ),
      ),
  };
}
