// Gives each known member of an event that was sent as a long number the form that the schema
// expects: an id its digits, a timestamp its date and time, any other a 64-bit float.

import { productShape, wireEventSchema } from './event-schema.ts';
import { isExactNumber, longWholeNumber } from './exact-json.ts';
import { timestampOfUnixDigits } from './timestamp.ts';

type Members = Readonly<Record<string, unknown>>;
type Form = (value: unknown) => unknown;
type Forms = readonly (readonly [member: string, form: Form])[];

/** Systems with 64-bit ids write them as numbers. As text, no two of them become one. */
const digits: Form = (value) => longWholeNumber(value) ?? value;
const dateAndTime: Form = (value) => timestampOfUnixDigits(longWholeNumber(value) ?? '') ?? value;
const float: Form = (value) => (isExactNumber(value) ? Number(value.rawJSON) : value);

const formsOf = (shape: object, special: Readonly<Record<string, Form>>): Forms =>
  Object.keys(shape).map((member) => [member, special[member] ?? float]);
const eventForms = formsOf(wireEventSchema.shape, {
  event_id: digits,
  user_id: digits,
  session_id: digits,
  timestamp: dateAndTime,
});
const productForms = formsOf(productShape, { id: digits });

/**
 * `event` is what `parseExactly` returns, and is not changed. Unknown members stay exactly as they
 * were sent.
 */
export function placeLongNumbers(event: unknown): unknown {
  if (!isObject(event)) return float(event);
  const placed = withForms(event, eventForms);
  const { product } = placed;
  if (!isObject(product)) return placed;
  const placedProduct = withForms(product, productForms);
  return placedProduct === product ? placed : { ...placed, product: placedProduct };
}

/** The same object when no member changes, which is the usual case. */
function withForms(members: Members, forms: Forms): Members {
  let changed: Record<string, unknown> | null = null;
  for (const [member, form] of forms) {
    const value = members[member];
    const formed = form(value);
    if (formed !== value) (changed ??= { ...members })[member] = formed;
  }
  return changed ?? members;
}

function isObject(value: unknown): value is Members {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value)
  );
}
