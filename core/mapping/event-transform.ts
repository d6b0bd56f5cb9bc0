// Compiles a rule that corrects many invalid events alike: which members get which values, made
// from the event's own members with the templates of mappings.
//
//     const correct = eventTransform({ 'product.price': { number: '{product.price}' } });
//     correct({ product: { price: '19.99' } }); // { value: { product: { price: 19.99 } } }

import { z } from 'zod';
import { UsageError } from '#core/errors/errors.ts';
import { isMembers, type Members } from '#core/event/exact-json.ts';
import { shown } from './conditions.ts';
import { readNumber } from './numbers.ts';
import { columnReader } from './record-columns.ts';
import { dateOf } from './record-mapping.ts';
import { firstOf, type Resolve } from './template.ts';

const templates = z.union([z.string(), z.array(z.string()).min(1)]);
const expression = z.union(
  [
    templates,
    z.number(),
    z.boolean(),
    z.null(),
    z.strictObject({
      from: templates,
      map: z.record(z.string(), z.string()),
      otherwise: z.string().optional(),
    }),
    z.strictObject({ number: templates, decimal: z.enum(['point', 'comma']).optional() }),
    z.strictObject({
      time: templates,
      date_format: z.string().optional(),
      time_zone: z.string().optional(),
    }),
  ],
  {
    error:
      'expected a template such as "{user_id}", a list of templates, a number, true, false, ' +
      'null, {"from", "map"}, {"number"} or {"time"}',
  },
);
const membersMax = 50;
/** Expressions by member, such as `product.price`. `null` removes a member. */
export const transformSchema = z
  .record(z.string().min(1).max(200), expression)
  .refine((members) => {
    const count = Object.keys(members).length;
    return count > 0 && count <= membersMax;
  }, `expected 1 to ${membersMax} members`);

export type TransformSpec = z.infer<typeof transformSchema>;
/** The corrected event, or why the rule does not apply to it. */
export type Transformed = { readonly value: unknown } | { readonly problem: string };
export type EventTransform = (event: unknown) => Transformed;

type Expression = TransformSpec[string];

/** @throws UsageError for an invalid template, date format or time zone */
export function eventTransform(spec: TransformSpec): EventTransform {
  const members = Object.entries(spec).map(([name, of]) => ({
    name,
    path: name.split('.'),
    make: compiled(of),
  }));
  return (event) => {
    if (!isMembers(event)) return { problem: 'It is not a JSON object.' };
    let value: Members = event;
    for (const { name, path, make } of members) {
      // All members are read from the event as it came.
      const made = make(event);
      if ('problem' in made) return { problem: `${name}: ${made.problem}` };
      const next = withMember(value, path, made.value);
      if (next === null) return { problem: `${name}: a part of its path is not an object` };
      value = next;
    }
    return { value };
  };
}

function compiled(of: Expression): (event: unknown) => Transformed {
  // An absent value removes the member.
  if (of === null) return () => ({ value: undefined });
  if (typeof of === 'number' || typeof of === 'boolean') return () => ({ value: of });
  if (typeof of === 'string' || Array.isArray(of)) return maker(of, (value) => ({ value }));
  if ('number' in of) {
    const decimal = of.decimal ?? 'point';
    return maker(of.number, (text) => {
      const value = readNumber(text, decimal);
      return value === null ? { problem: `${shown(text)} is not a number` } : { value };
    });
  }
  if ('time' in of) {
    const read = dateOf(of);
    return maker(of.time, (text) => {
      const ms = read(text);
      return ms === null
        ? { problem: `${shown(text)} is not a time that can be read` }
        : { value: new Date(ms).toISOString() };
    });
  }
  const { map, otherwise } = of;
  return maker(of.from, (text) => {
    const value = Object.hasOwn(map, text) ? map[text] : otherwise;
    return value === undefined ? { problem: `${shown(text)} is not in its map` } : { value };
  });
}

function maker(
  from: string | readonly string[],
  toValue: (text: string) => Transformed,
): (event: unknown) => Transformed {
  const names: string[] = [];
  const resolve: Resolve = (name) => {
    if (/^(record|header):/.test(name))
      throw new UsageError(`{${name}}: a rule reads only the members of the event`);
    return names.push(name) - 1;
  };
  const text = firstOf(from, resolve);
  const readers = names.map(columnReader);
  return (event) => {
    const made = text(readers.map((read) => read(event, null)));
    return made === '' ? { problem: 'the members that it is made from are empty' } : toValue(made);
  };
}

/** `null` when the path leads through something that is not an object. */
function withMember(
  parent: Members,
  [name = '', ...rest]: readonly string[],
  value: unknown,
): Members | null {
  if (rest.length === 0) {
    if (value !== undefined) return { ...parent, [name]: value };
    const { [name]: _, ...others } = parent;
    return others;
  }
  const child = Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (child === undefined && value === undefined) return parent;
  if (child !== undefined && child !== null && !isMembers(child)) return null;
  const changed = withMember(isMembers(child) ? child : {}, rest, value);
  return changed === null ? null : { ...parent, [name]: changed };
}
