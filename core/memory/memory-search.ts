// Searches the reference vector store: compares the query with every vector, by the shared plans.

import type {
  EventFilter,
  EventRecord,
  EventType,
  SearchHit,
  SearchRequest,
  StoredEvent,
} from '#core/ports.ts';
import { type SearchPlan, type SearchSpace, searchTexts } from '#core/vectors/search-plan.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { MemoryRecords } from './memory-records.ts';

export async function searchMemory(
  records: MemoryRecords,
  request: SearchRequest,
  plan: SearchPlan,
): Promise<readonly SearchHit[]> {
  const { vector, limit, filter } = request;
  const ranked = await searchTexts(spaceOf(records, vector, filter), {
    limit,
    plan,
    scoreMin: request.scoreMin ?? -Infinity,
    except: request.exceptTextIds ?? [],
    after: request.after ?? null,
  });
  return ranked.flatMap(({ textId, score }) => hitOf(records, textId, score, filter));
}

function spaceOf(
  records: MemoryRecords,
  vector: Float32Array,
  filter: EventFilter,
): SearchSpace<string> {
  const kinds = filter.eventTypes?.includes('search') ? ['product', 'query'] : ['product'];
  return {
    async textsOfEvents(max) {
      const ids = new Set(records.eventsOf(filter).map(({ textId }) => textId));
      return ids.size > max ? null : [...ids];
    },
    async nearest(count, within) {
      const texts = within === null ? [...records.texts.values()] : records.textsOf(within);
      return texts
        .filter(({ record, isWithheld }) => !isWithheld && kinds.includes(record.kind))
        .map(({ record: { id, embedding } }) => ({
          text: id,
          score: cosine(vector, embedding.vector),
        }))
        .toSorted((a, b) => b.score - a.score)
        .slice(0, count);
    },
    async matches(textIds) {
      return textIds.map((textId) => {
        const [newest] = records.eventsOf(filter, textId);
        return newest === undefined ? null : { textId, newestAt: newest.event.timestamp };
      });
    },
  };
}

function hitOf(
  records: MemoryRecords,
  textId: string,
  score: number,
  filter: EventFilter,
): SearchHit[] {
  const record = records.texts.get(textId)?.record;
  const found = records.eventsOf(filter, textId);
  const [newest] = found;
  if (record === undefined || newest === undefined) return [];
  const byType: Partial<Record<EventType, number>> = {};
  for (const { event } of found) byType[event.eventType] = (byType[event.eventType] ?? 0) + 1;
  const { text, product } = record;
  const events = { total: found.length, byType };
  return [{ score, textId, text, product, events, newest: storedEvent(newest) }];
}

export function storedEvent({ event, textId, ingestedAt }: EventRecord): StoredEvent {
  return { id: event.id, textId, timestamp: event.timestamp, ingestedAt, payload: event.payload };
}
