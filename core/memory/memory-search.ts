// Searches the reference vector store: compares the query with every vector, by the shared plans.

import { at } from '#core/errors/assert.ts';
import type {
  EventFilter,
  EventRecord,
  SearchHit,
  SearchRequest,
  StoredEvent,
  WordSearchHit,
  WordSearchRequest,
} from '#core/ports.ts';
import { comparableScore, idfOf, productFeatures } from '#core/vectors/lexical/word-features.ts';
import {
  type SearchPlan,
  type SearchSpace,
  searchTexts,
  unbounded,
} from '#core/vectors/search-plan.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { MemoryRecords, MemoryText } from './memory-records.ts';

/** `null` for a text that is not a result. */
type ScoreOf = (text: MemoryText) => number | null;

export async function searchMemory(
  records: MemoryRecords,
  request: SearchRequest,
  plan: SearchPlan,
): Promise<readonly SearchHit[]> {
  const { vector, limit, filter } = request;
  const kinds = filter.eventTypes?.includes('search') ? ['product', 'query'] : ['product'];
  const scoreOf: ScoreOf = ({ record: { kind, embedding }, isWithheld }) =>
    isWithheld || !kinds.includes(kind) ? null : cosine(vector, embedding.vector);
  const ranked = await searchTexts(spaceOf(records, filter, scoreOf), {
    limit,
    plan,
    scoreMin: request.scoreMin ?? -Infinity,
    except: request.exceptTextIds ?? [],
    after: request.after ?? null,
  });
  return ranked.flatMap(({ textId, score }) => hitOf(records, textId, score, filter));
}

export async function searchMemoryWords(
  records: MemoryRecords,
  { features, limit, filter }: WordSearchRequest,
  plan: SearchPlan,
): Promise<readonly WordSearchHit[]> {
  const own = new Map(
    records.texts.values().flatMap(({ record: { id, product } }) => {
      if (product === null) return [];
      const { ids, weights } = productFeatures(product, records.catalogue.brandsOf(id));
      return [[id, new Map(ids.map((feature, index) => [feature, at(weights, index)]))] as const];
    }),
  );
  const wanted = features.ids.map((feature, index) => {
    const having = own.values().reduce((count, weights) => count + Number(weights.has(feature)), 0);
    return { feature, weight: at(features.weights, index) * idfOf(having, own.size) };
  });
  const scoreOf: ScoreOf = ({ record: { id } }) => {
    const weights = own.get(id);
    const shared = wanted.filter(({ feature }) => weights?.has(feature) === true);
    if (shared.length === 0) return null;
    return comparableScore(
      shared.reduce((sum, { feature, weight }) => sum + weight * (weights?.get(feature) ?? 0), 0),
    );
  };
  const ranked = await searchTexts(spaceOf(records, filter, scoreOf), {
    ...unbounded,
    limit,
    plan,
  });
  return ranked
    .flatMap(({ textId, score }) => hitOf(records, textId, score, filter))
    .map((hit) => ({ ...hit, brands: records.catalogue.brandsOf(hit.textId) }));
}

function spaceOf(
  records: MemoryRecords,
  filter: EventFilter,
  scoreOf: ScoreOf,
): SearchSpace<string> {
  return {
    async textsOfEvents(max) {
      const ids = new Set([
        ...records.eventsOf(filter).map(({ textId }) => textId),
        ...records.catalogue.listedTexts(filter),
      ]);
      return ids.size > max ? null : [...ids];
    },
    async nearest(count, within) {
      const texts = within === null ? [...records.texts.values()] : records.textsOf(within);
      return texts
        .flatMap((text) => {
          const score = scoreOf(text);
          return score === null ? [] : [{ text: text.record.id, score }];
        })
        .toSorted((a, b) => b.score - a.score)
        .slice(0, count);
    },
    async matches(textIds) {
      const listed = records.catalogue.listedTexts(filter);
      return textIds.map((textId) => {
        const [newest] = records.eventsOf(filter, textId);
        if (newest !== undefined) return { textId, newestAt: newest.event.timestamp };
        return listed.has(textId) ? { textId, newestAt: 0 } : null;
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
  if (record === undefined) return [];
  const byType: Record<string, number> = {};
  for (const { event } of found) byType[event.eventType] = (byType[event.eventType] ?? 0) + 1;
  const { text, product } = record;
  const events = { total: found.length, byType };
  const newestEvent = newest === undefined ? null : storedEvent(newest);
  return [{ score, textId, text, product, events, newest: newestEvent }];
}

export function storedEvent({ event, textId, ingestedAt }: EventRecord): StoredEvent {
  return { id: event.id, textId, timestamp: event.timestamp, ingestedAt, payload: event.payload };
}
