// A rule that corrects dead letters, as a person fills it in; and what it changes in an event.

import type { DeadLetterBatch } from '../../../gateway/api/routes/dead-letter-operations.ts';

export type Transform = NonNullable<DeadLetterBatch['transform']>;
/** How a member is made. */
export type How = 'text' | 'number' | 'comma' | 'time' | 'remove';
export type RuleLine = { readonly member: string; readonly how: How; readonly from: string };

export const ways: readonly (readonly [How, string])[] = [
  ['text', 'becomes the text'],
  ['number', 'becomes the number in'],
  ['comma', 'becomes the number (1.299,50) in'],
  ['time', 'becomes the time in'],
  ['remove', 'is removed'],
];

/** What is the likeliest correction of this member. */
export const firstLine = (member: string | null): RuleLine => ({
  member: member ?? '',
  how: /price|amount|quantity|duration/.test(member ?? '')
    ? 'number'
    : /time/.test(member ?? '')
      ? 'time'
      : 'text',
  // An event without a user is that of a guest.
  from: member === null ? '' : member === 'user_id' ? 'guest:{session_id}' : `{${member}}`,
});

/** `null` while a line is incomplete. */
export function transformOf(lines: readonly RuleLine[]): Transform | null {
  const isComplete = ({ member, how, from }: RuleLine): boolean =>
    member.trim() !== '' && (how === 'remove' || from.trim() !== '');
  if (lines.length === 0 || !lines.every(isComplete)) return null;
  return Object.fromEntries(lines.map((line) => [line.member.trim(), expressionOf(line)]));
}

function expressionOf({ how, from }: RuleLine): Transform[string] {
  if (how === 'remove') return null;
  if (how === 'text') return from;
  if (how === 'time') return { time: from };
  return how === 'comma' ? { number: from, decimal: 'comma' } : { number: from };
}

/** `product.price: "39,90 €" → 39.9`, for each member of the rule. */
export function changesOf(
  members: readonly string[],
  { before, after }: { readonly before: string; readonly after: string },
): readonly string[] {
  const [old, made] = [parsed(before), parsed(after)];
  return members.map((member) => `${member}: ${shown(old, member)} → ${shown(made, member)}`);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // A long event is cut.
    return null;
  }
}

function shown(event: unknown, member: string): string {
  const value = member
    .split('.')
    .reduce<unknown>(
      (parent, name) =>
        typeof parent === 'object' && parent !== null ? Reflect.get(parent, name) : undefined,
      event,
    );
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 80);
}
