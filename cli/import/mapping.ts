// Loads a mapping, ready-made or the user's own YAML file, and checks all of it before a line is
// read.

import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
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
  session_id: field,
  product: product.optional(),
  search_query: field.optional(),
  quantity: amount.optional(),
  total_amount: amount.optional(),
  payment_method: field.optional(),
  view_duration: amount.optional(),
});
const rule = z.strictObject({
  when: z.string(),
  reason: z.string().min(1),
  matches: z.string().optional(),
  one_of: z.array(z.string()).optional(),
  empty: z.literal(true).optional(),
  below: z.number().optional(),
});
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
});

export type FieldSpec = z.infer<typeof field>;
export type AmountSpec = z.infer<typeof amount>;
export type RuleSpec = z.infer<typeof rule>;
export type Mapping = z.infer<typeof schema> & { readonly name: string };

const allowedKeys: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(schema.shape),
  event: Object.keys(event.shape),
  'event.product': Object.keys(product.shape),
  turn_away: Object.keys(rule.shape),
};
const folder = join(import.meta.dirname, 'mappings');

export async function readyMadeNames(): Promise<string[]> {
  return (await readdir(folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .toSorted();
}

/**
 * A ready-made mapping by name, else a YAML file by path.
 *
 * @throws UsageError when it does not exist or has a mistake
 */
export async function loadMapping(nameOrPath: string): Promise<Mapping> {
  const names = await readyMadeNames();
  const ready = names.includes(nameOrPath);
  const path = ready ? join(folder, `${nameOrPath}.yaml`) : nameOrPath;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `mapping ${nameOrPath}: is neither ready-made (${names.join(', ')}) ` +
        'nor a file that can be read',
      { cause: error },
    );
  });
  return parseMapping(text, ready ? nameOrPath : path);
}

/**
 * `name` is for messages.
 *
 * @throws UsageError with the first mistake
 */
function parseMapping(text: string, name: string): Mapping {
  const result = schema.safeParse(yamlOf(text, name));
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
  for (const { reason, matches } of result.data.turn_away ?? []) {
    if (matches !== undefined && !isPattern(matches))
      throw new UsageError(
        `mapping ${name}: turn_away (${reason}): "${matches}" is not a regular expression`,
      );
  }
  for (const [index, { when, reason, ...conditions }] of (result.data.turn_away ?? []).entries()) {
    if (Object.keys(conditions).length !== 1)
      throw new UsageError(
        `mapping ${name}: turn_away.${index} (${reason}) on "${when}": ` +
          'needs exactly one of matches, one_of, empty, below',
      );
  }
  if (!result.data.event.product && result.data.event.search_query === undefined) {
    throw new UsageError(
      `mapping ${name}: event: needs a product, or a search_query for a log of searches`,
    );
  }
  return { ...result.data, name };
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

function yamlOf(text: string, name: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const place =
      error instanceof YAMLParseError ? ` (line ${error.linePos?.[0].line ?? '?'})` : '';
    throw new UsageError(
      `mapping ${name}: is not YAML${place}: ` +
        (error instanceof Error ? error.message.split('\n')[0] : ''),
      { cause: error },
    );
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
