// Compiles the conditions of a mapping: which rows it is for, and which rows a rule turns away.

import { printable } from '#core/event/json-guard.ts';
import type { ConditionSpec, RuleSpec } from './mapping.ts';
import { type Decimal, readNumber } from './numbers.ts';
import { type Resolve, type Row, template } from './template.ts';

/** `reason` is one of few, so that rows are counted by it; `detail` is what the row has. */
export type TurnedAway = { readonly reason: string; readonly detail: string };

/** The first condition that does not hold. */
export type Unmet = {
  /** Conditions that hold before it, and a half for one whose column has another value. */
  readonly score: number;
  /** A message such as `got "Page Viewed" in {event}, allowed: Product Viewed`. */
  readonly message: string;
};

/** `null` for a row for which every condition holds. */
export function unmetOf(
  conditions: readonly ConditionSpec[],
  resolve: Resolve,
): (row: Row) => Unmet | null {
  const compiled = conditions.map((spec) => ({
    spec,
    of: template(spec.when, resolve),
    fits: condition(spec, 'point'),
  }));
  return (row) => {
    let held = 0;
    for (const { spec, of, fits } of compiled) {
      const text = of(row);
      if (fits(text)) {
        held += 1;
        continue;
      }
      const message = `got ${shown(text)} in ${spec.when}, allowed: ${allowedBy(spec)}`;
      return { score: text === '' ? held : held + 0.5, message };
    }
    return null;
  };
}

export function compileRule(
  rule: RuleSpec,
  resolve: Resolve,
  decimal: Decimal,
): (row: Row) => TurnedAway | null {
  const of = template(rule.when, resolve);
  const fits = condition(rule, decimal);
  return (row) => {
    const text = of(row);
    return fits(text) ? { reason: rule.reason, detail: shown(text) } : null;
  };
}

function condition(spec: ConditionSpec, decimal: Decimal): (text: string) => boolean {
  const { matches, one_of: oneOf, below } = spec;
  if (matches !== undefined) {
    const pattern = new RegExp(matches, 'u');
    return (text) => pattern.test(text);
  }
  if (oneOf !== undefined) return (text) => oneOf.includes(text);
  if (below !== undefined) {
    return (text) => {
      const value = readNumber(text, decimal);
      return value !== null && value < below;
    };
  }
  return (text) => text === '';
}

function allowedBy({ matches, one_of: oneOf, below }: ConditionSpec): string {
  if (matches !== undefined) return `a text that matches ${matches}`;
  if (oneOf !== undefined) return oneOf.join(', ');
  return below === undefined ? 'nothing' : `a number below ${below}`;
}

/** The text for a person: quoted, `printable`, and not longer than a line. */
export function shown(text: string): string {
  return text === '' ? 'empty' : `"${printable(text, 80)}"`;
}
