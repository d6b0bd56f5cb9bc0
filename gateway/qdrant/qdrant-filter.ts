// Translates a filter on events into Qdrant's filter.

import type { Schemas } from '@qdrant/js-client-rest';
import type { EventFilter } from '#core/ports.ts';
import { timeOf } from './qdrant-points.ts';

export type Condition = Schemas['Condition'];
export type Filter = { readonly must: Condition[] };

/** `null` when nothing can match because one of its lists is empty. */
export function filterOf({
  eventTypes,
  categories,
  userId,
  sessionId,
  textIds,
  productId,
  priceMin,
  priceMax,
  since,
  until,
}: EventFilter): Filter | null {
  if ([eventTypes, categories, textIds].some((list) => list?.length === 0)) return null;
  const must: Condition[] = [];
  const any = (key: string, values: readonly string[] | undefined): void => {
    if (values !== undefined)
      must.push({ key, match: { any: values.map((value) => value.toWellFormed()) } });
  };
  const same = (key: string, value: string | undefined): void => {
    if (value !== undefined) must.push({ key, match: { value: value.toWellFormed() } });
  };
  same('session_id', sessionId);
  same('user_id', userId);
  same('product.id', productId);
  any('text_id', textIds);
  any('event_type', eventTypes);
  any('product.category', categories);
  if (priceMin !== undefined || priceMax !== undefined)
    must.push({
      key: 'product.price',
      range: { ...limitAt('gte', priceMin), ...limitAt('lte', priceMax) },
    });
  if (since !== undefined || until !== undefined)
    must.push({
      key: 'timestamp',
      range: { ...timeLimitAt('gte', since), ...timeLimitAt('lte', until) },
    });
  return { must };
}

export const isValue = (key: string, value: string): Condition => ({
  key,
  match: { value: value.toWellFormed() },
});
export const isOneOf = (key: string, values: readonly string[]): Condition => ({
  key,
  match: { any: [...values] },
});
export const isAnyText = (textIds: readonly string[]): Condition => ({
  key: 'text_id',
  match: { any: [...textIds] },
});
export const hasId = (ids: readonly string[]): Condition => ({ has_id: [...ids] });
/** The field holds a time before `ms`. */
export const isBefore = (key: string, ms: number): Condition => ({
  key,
  range: { lt: timeOf(ms) },
});
/** The field holds the time `ms` or a later one. */
export const isSince = (key: string, ms: number): Condition => ({
  key,
  range: { gte: timeOf(ms) },
});
/** The field holds exactly the time `ms`. */
export const isAtTime = (key: string, ms: number): Condition => ({
  key,
  range: { gte: timeOf(ms), lte: timeOf(ms) },
});

type End = 'gte' | 'lte';

function limitAt(end: End, value: number | undefined): { readonly [K in End]?: number } {
  return value === undefined ? {} : { [end]: value };
}

function timeLimitAt(end: End, ms: number | undefined): { readonly [K in End]?: string } {
  return ms === undefined ? {} : { [end]: timeOf(ms) };
}
