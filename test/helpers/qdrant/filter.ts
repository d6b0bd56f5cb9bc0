// Compiles a request's filter into a test of one point, and refuses what the server would refuse.

import { type Fields, fieldsOf, isList, type Json, listOf, pointId, stringOf } from './body.ts';
import { formatError, validationError } from './qdrant-errors.ts';

export type Matchable = { readonly id: string; readonly payload: Json };
export type Test = (point: Matchable) => boolean;

const everything: Test = () => true;

/** `path` is the filter's path in the server's messages. */
export function filterOf(json: Json | undefined, path: string): Test {
  if (json === undefined || json === null) return everything;
  const {
    must,
    should,
    must_not: mustNot,
  } = fieldsOf(json, ['should', 'min_should', 'must', 'must_not'], 'Filter');
  const all = conditionsOf(must, `${path}.must`);
  const any = conditionsOf(should, `${path}.should`);
  const none = conditionsOf(mustNot, `${path}.must_not`);
  return (point) =>
    all.every((test) => test(point)) &&
    (any.length === 0 || any.some((test) => test(point))) &&
    !none.some((test) => test(point));
}

/** The fields that every match must have, each with its value. */
export function valuesAsked(filter: Json | undefined): readonly (readonly [string, string])[] {
  const must = typeof filter === 'object' && filter !== null && !isList(filter) && filter['must'];
  if (!isList(must)) return [];
  return must.flatMap((condition) => {
    const { key, match }: { readonly key?: Json; readonly match?: Json } =
      typeof condition === 'object' && condition !== null && !isList(condition) ? condition : {};
    const value =
      typeof match === 'object' && match !== null && !isList(match) ? match['value'] : null;
    return typeof key === 'string' && typeof value === 'string' ? [[key, value] as const] : [];
  });
}

function conditionsOf(json: Json | undefined, path: string): readonly Test[] {
  if (json === undefined || json === null) return [];
  return (isList(json) ? json : [json]).map((condition, index) =>
    conditionOf(condition, `${path}[${index}]`),
  );
}

function conditionOf(json: Json, path: string): Test {
  if (typeof json !== 'object' || json === null || isList(json))
    throw formatError('data did not match any variant of untagged enum Condition');
  const condition: Fields = { ...json };
  if ('has_id' in condition) {
    const ids = new Set(listOf(condition['has_id'], 'has_id').map(pointId));
    return ({ id }) => ids.has(id);
  }
  if ('key' in condition) return fieldCondition(condition, path);
  if (['must', 'should', 'must_not'].some((key) => key in condition))
    return filterOf(condition, path);
  throw formatError('data did not match any variant of untagged enum Condition');
}

function fieldCondition(condition: Fields, path: string): Test {
  const { match, range } = condition;
  const key = stringOf(condition['key'], 'key');
  if (match !== undefined)
    return matching(key, fieldsOf(match, ['value', 'any', 'except', 'text'], 'Match'));
  if (range !== undefined) return within(key, fieldsOf(range, ['lt', 'gt', 'gte', 'lte'], 'Range'));
  throw validationError(
    `${path}.__all__: Validation error: At least one field condition must be specified [{}]`,
  );
}

function matching(key: string, { value, any }: Fields): Test {
  if (any !== undefined) {
    const allowed = new Set(listOf(any, 'any'));
    // Of a list, one value is enough.
    return ({ payload }) => [valueAt(payload, key) ?? null].flat().some((own) => allowed.has(own));
  }
  if (typeof value !== 'string' && typeof value !== 'boolean' && typeof value !== 'number')
    throw formatError('data did not match any variant of untagged enum Match');
  return ({ payload }) => valueAt(payload, key) === value;
}

/** Compares numbers with numbers and times with times, depending on the limits. */
function within(key: string, { lt, gt, gte, lte }: Fields): Test {
  const limits = [lt, gt, gte, lte].filter((limit) => limit !== undefined && limit !== null);
  const isTime = limits.every((limit) => typeof limit === 'string' && timeOf(limit) !== null);
  const isNumber = limits.every((limit) => typeof limit === 'number');
  if (!isTime && !isNumber)
    throw formatError('data did not match any variant of untagged enum RangeInterface');
  const read = (json: Json | undefined): number | null =>
    isNumber ? (typeof json === 'number' ? json : null) : timeOf(json);
  const [below, above, from, to] = [read(lt), read(gt), read(gte), read(lte)];
  return ({ payload }) => {
    const value = read(valueAt(payload, key));
    return (
      value !== null &&
      (below === null || value < below) &&
      (above === null || value > above) &&
      (from === null || value >= from) &&
      (to === null || value <= to)
    );
  };
}

export function valueAt(payload: Json | undefined, key: string): Json | undefined {
  return key
    .split('.')
    .reduce<Json | undefined>(
      (json, name) =>
        typeof json === 'object' && json !== null && !isList(json) ? json[name] : undefined,
      payload,
    );
}

/** In UTC ms; `null` when it is not a time with a year of four digits. */
export function timeOf(json: Json | undefined): number | null {
  if (typeof json !== 'string' || !/^\d{4}-\d\d-\d\d/.test(json)) return null;
  const ms = Date.parse(json);
  return Number.isNaN(ms) ? null : ms;
}
