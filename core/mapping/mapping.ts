// Describes a mapping: which texts of a row, or of a JSON object, become which members of an event,
// and what a record without a value deletes. All of it is checked before a row is read.

import { z } from 'zod';
import { at } from '#core/errors/assert.ts';
import { UsageError } from '#core/errors/errors.ts';

const texts = z.union([z.string(), z.array(z.string()).min(1)]);
const mapped = z.strictObject({
  from: texts,
  map: z.record(z.string(), z.string()),
  otherwise: z.string().optional(),
});
const field = z.union([z.string(), z.array(z.string()).min(1), mapped]);
const amount = z.union([
  z.number(),
  z.string(),
  z.array(z.union([z.string(), z.number()])).min(1),
  z.strictObject({ multiply: z.array(z.string()).min(2) }),
]);

const product = z.strictObject({
  id: field,
  name: field,
  description: field.optional(),
  category: field.optional(),
  price: amount,
});
const event = z.strictObject({
  event_type: field,
  timestamp: texts,
  user_id: field,
  session_id: field.optional(),
  event_id: field.optional(),
  product: product.optional(),
  search_query: field.optional(),
  quantity: amount.optional(),
  total_amount: amount.optional(),
  payment_method: field.optional(),
  view_duration: amount.optional(),
});
const condition = z.strictObject({
  when: z.string(),
  matches: z.string().optional(),
  one_of: z.array(z.string()).optional(),
  empty: z.literal(true).optional(),
  below: z.number().optional(),
});
/** Each with where the id is. */
const deletion = z.strictObject({
  event_id: texts.optional(),
  product_id: texts.optional(),
  user_id: texts.optional(),
});
const rule = condition.extend({ reason: z.string().min(1) });
const schema = z.strictObject({
  about: z.string().optional(),
  columns: z.array(z.string()).min(1).optional(),
  delimiter: z.string().length(1).optional(),
  quote: z.string().optional(),
  encoding: z.string().optional(),
  decimal: z.enum(['point', 'comma']).optional(),
  date_format: z.string().optional(),
  time_zone: z.string().optional(),
  event: event.optional(),
  extra: z.record(z.string(), field).optional(),
  turn_away: z.array(rule).optional(),
  applies_to: z.array(condition).min(1).optional(),
  each: z
    .string()
    .regex(/^\{[^{}|]+\}$/, 'must name one list, such as {items}')
    .optional(),
  nulls: z.array(z.string()).min(1).optional(),
  delete_by: z.union([deletion.keyof(), deletion]).optional(),
});

export type FieldSpec = z.infer<typeof field>;
export type AmountSpec = z.infer<typeof amount>;
export type ConditionSpec = z.infer<typeof condition>;
export type RuleSpec = z.infer<typeof rule>;
/** A mapping for the records of a topic. Without `event`, it is for deletes alone. */
export type TopicMapping = z.infer<typeof schema> & { readonly name: string };
export type Mapping = TopicMapping & { readonly event: z.infer<typeof event> };
/** What a record deletes, and where its id is: the first template that is not empty. */
export type DeletionSpec = {
  readonly by: keyof z.infer<typeof deletion>;
  readonly id: string | readonly string[];
};

const allowedKeys: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(schema.shape),
  event: Object.keys(event.shape),
  'event.product': Object.keys(product.shape),
  turn_away: Object.keys(rule.shape),
  applies_to: Object.keys(condition.shape),
  delete_by: Object.keys(deletion.shape),
};

/** Does the same as `parseTopicMapping`, for a mapping that must make events. */
export const parseMapping = (value: unknown, name: string): Mapping =>
  eventMapping(parseTopicMapping(value, name));

/** @throws UsageError for a mapping of deletes alone */
export function eventMapping({ event: made, ...mapping }: TopicMapping): Mapping {
  if (made !== undefined) return { ...mapping, event: made };
  throw new UsageError(`mapping ${mapping.name}: event: is missing, so it makes no events`);
}

/**
 * @param value what the YAML of the mapping holds
 * @param name for messages
 * @throws UsageError with the first mistake
 */
export function parseTopicMapping(value: unknown, name: string): TopicMapping {
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = deepest(result.error.issues);
    const path = issue.path
      .map(String)
      .filter((part) => !/^\d+$/.test(part))
      .join('.');
    const allowed =
      issue.code === 'unrecognized_keys'
        ? `; allowed are ${(allowedKeys[path] ?? ['from', 'map', 'otherwise']).join(', ')}`
        : '';
    throw new UsageError(
      `mapping ${name}: ${issue.path.join('.') || 'the file'}: ` +
        `${issue.message}${allowed} (docs/import.md)`,
    );
  }
  for (const [index, { reason, ...spec }] of (result.data.turn_away ?? []).entries())
    checkCondition(spec, `mapping ${name}: turn_away.${index} (${reason})`);
  for (const [index, spec] of (result.data.applies_to ?? []).entries())
    checkCondition(spec, `mapping ${name}: applies_to.${index}`);
  const { event: made, delete_by: deleteBy } = result.data;
  if (made && !made.product && made.search_query === undefined) {
    throw new UsageError(
      `mapping ${name}: event: needs a product, or a search_query for a log of searches`,
    );
  }
  if (made === undefined && deleteBy === undefined)
    throw new UsageError(`mapping ${name}: needs event, or delete_by for a mapping of deletes`);
  checkDeletion({ ...result.data, name });
  return { ...result.data, name };
}

export function deletionOf({ delete_by: spec }: TopicMapping): DeletionSpec | null {
  if (spec === undefined) return null;
  if (typeof spec === 'string') return { by: spec, id: '{record:key_id}' };
  for (const by of deletion.keyof().options) {
    const id = spec[by];
    if (id !== undefined) return { by, id };
  }
  return null;
}

/** Refuses a `delete_by` by which nothing, or something else, would be deleted. */
function checkDeletion(mapping: TopicMapping): void {
  const { name, delete_by: spec, event: made, each } = mapping;
  if (spec === undefined) return;
  if (typeof spec === 'object' && Object.keys(spec).length !== 1)
    throw new UsageError(
      `mapping ${name}: delete_by: needs exactly one of ${deletion.keyof().options.join(', ')}`,
    );
  if (deletionOf(mapping)?.by !== 'event_id' || made === undefined) return;
  if (each !== undefined)
    throw new UsageError(
      `mapping ${name}: delete_by: event_id cannot be used with each, because each item's event ` +
        'has an id of its own; use user_id or product_id',
    );
  if (made.event_id === undefined)
    throw new UsageError(
      `mapping ${name}: delete_by: event_id needs event.event_id: without it, the id of an event ` +
        'is made of its place in the topic, which no key names',
    );
}

function checkCondition({ when, ...tests }: ConditionSpec, place: string): void {
  const { matches } = tests;
  if (matches !== undefined && !isPattern(matches))
    throw new UsageError(`${place}: "${matches}" is not a regular expression`);
  if (Object.keys(tests).length !== 1)
    throw new UsageError(
      `${place} on "${when}": needs exactly one of matches, one_of, empty, below`,
    );
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

type Issue = z.core.$ZodIssue;
/**
 * The most helpful issue: an unknown key, because it explains a missing one; in a union, the issue
 * of the alternative that matched furthest.
 */
function deepest(issues: readonly Issue[]): Issue {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? at(issues, 0);
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .flat()
    .find(({ path, code }) => path.length > 0 || code === 'unrecognized_keys');
  return inner ? { ...inner, path: [...issue.path, ...inner.path] } : issue;
}
