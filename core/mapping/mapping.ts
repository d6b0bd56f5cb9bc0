// Describes a mapping: which texts of a row, or of a JSON object, become which members of an event.
// All of it is checked before a row is read.

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
  event,
  extra: z.record(z.string(), field).optional(),
  turn_away: z.array(rule).optional(),
  applies_to: z.array(condition).min(1).optional(),
  each: z
    .string()
    .regex(/^\{[^{}|]+\}$/, 'must name one list, such as {items}')
    .optional(),
  nulls: z.array(z.string()).min(1).optional(),
});

export type FieldSpec = z.infer<typeof field>;
export type AmountSpec = z.infer<typeof amount>;
export type ConditionSpec = z.infer<typeof condition>;
export type RuleSpec = z.infer<typeof rule>;
export type Mapping = z.infer<typeof schema> & { readonly name: string };

const allowedKeys: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(schema.shape),
  event: Object.keys(event.shape),
  'event.product': Object.keys(product.shape),
  turn_away: Object.keys(rule.shape),
  applies_to: Object.keys(condition.shape),
};
/**
 * @param value what the YAML of the mapping holds
 * @param name for messages
 * @throws UsageError with the first mistake
 */
export function parseMapping(value: unknown, name: string): Mapping {
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
  if (!result.data.event.product && result.data.event.search_query === undefined) {
    throw new UsageError(
      `mapping ${name}: event: needs a product, or a search_query for a log of searches`,
    );
  }
  return { ...result.data, name };
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
