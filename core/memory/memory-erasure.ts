// The reference of the erasure store.

import { mergedRequest } from '#core/erasure/merged-request.ts';
import type {
  ErasureRequest,
  ErasureStore,
  ErasureSubject,
  EventRecord,
  ProductEvent,
} from '#core/ports.ts';
import type { MemoryRecords } from './memory-records.ts';

export function createMemoryErasure(records: MemoryRecords): ErasureStore {
  // Nothing in memory outlives the process, so the key need not be a secret.
  let key: Uint8Array | null = null;
  const usual = Uint8Array.from({ length: 32 }, (_, index) => index);
  const tombstones = new Map<string, number>();
  const requests = new Map<string, ErasureRequest>();
  return {
    settleMs: 0,
    key: async (first = usual) => (key ??= first),
    async addTombstones(added) {
      for (const { mark, at } of added)
        tombstones.set(mark, Math.max(at, tombstones.get(mark) ?? at));
    },
    async tombstonesSince(since) {
      return [...tombstones].map(([mark, at]) => ({ mark, at })).filter(({ at }) => at >= since);
    },
    async putRequest(request) {
      requests.set(request.id, mergedRequest(requests.get(request.id) ?? null, request));
    },
    async request(id) {
      return requests.get(id) ?? null;
    },
    async openRequests() {
      return [...requests.values()].filter(({ finishedAt }) => finishedAt === null);
    },
    async eraseEvents({ subject: { kind, id }, until }) {
      const isErased = ({ event, ingestedAt }: EventRecord): boolean =>
        idsOf(event)[kind] === id &&
        (kind === 'event' ? event.timestamp : Math.min(event.timestamp, ingestedAt)) <= until;
      return { ...records.erase(isErased), more: false };
    },
  };
}

const idsOf = ({
  id,
  userId,
  sessionId,
  product,
}: ProductEvent): Readonly<Record<ErasureSubject['kind'], string | null>> => ({
  event: id,
  user: userId,
  session: sessionId,
  product: product?.id ?? null,
});
