// The shape of an event as clients send it: every field, its bounds, and the message for a
// violation.

import { z } from 'zod';
import { eventTypes } from '#core/ports.ts';
import { timestampAllowed } from './timestamp.ts';

/**
 * Control characters (Unicode's Cc) are not allowed in ids, because they break logs and terminals.
 * They are written out, because these patterns appear in the API's description and few languages
 * know `\p{Cc}`.
 */
// oxlint-disable-next-line no-control-regex -- these characters are refused
const plainId = /^(?=\s*\S)[^\u0000-\u001f\u007f-\u009f]+$/u;
// oxlint-disable-next-line no-control-regex -- as above
const visible = /[^\s\u0000-\u001f\u007f-\u009f]/u;

const id = () => {
  const allowed = '1 to 256 characters, not blank, no control characters';
  return z.string(allowed).max(256, allowed).regex(plainId, allowed);
};

const text = (
  lengthMax: number,
  allowed = `text of at most ${lengthMax.toLocaleString('en')} characters`,
) => z.string(allowed).max(lengthMax, allowed);

const visibleName = 'text of at most 1,024 characters, not blank';

const number = (min: number, max: number, unit = '') => {
  const allowed = `a finite number from ${min} to ${max.toExponential().replace('+', '')}${unit}`;
  return z.number(allowed).min(min, allowed).max(max, allowed);
};

const wholeNumber = (min: number, max: number) => {
  const allowed = `a whole number from ${min} to ${max.toExponential().replace('+', '')}`;
  return z.number(allowed).min(min, allowed).max(max, allowed).multipleOf(1, allowed);
};

export const productAllowed =
  'an object with id, name and price (only a search event with a search_query may do without)';

export const productShape = {
  id: id(),
  name: text(1024, visibleName).regex(visible, visibleName),
  description: text(16_384).nullish(),
  category: text(512).nullish(),
  price: number(0, 1e9),
};

const eventType = `one of ${eventTypes.join(', ')}`;

/** `null` counts as absent. Unknown fields are kept. An issue's message says what is allowed. */
export const wireEventSchema = z.looseObject(
  {
    event_id: id(),
    timestamp: text(64, timestampAllowed),
    user_id: id(),
    event_type: z.enum(eventTypes, eventType),
    session_id: id(),
    product: z.looseObject(productShape, productAllowed).nullish(),
    search_query: text(1024).nullish(),
    quantity: wholeNumber(1, 1e6).nullish(),
    total_amount: number(0, 1e12).nullish(),
    payment_method: text(64).nullish(),
    view_duration: number(0, 1e7, ' seconds').nullish(),
  },
  'a JSON object',
);

export type WireEvent = z.infer<typeof wireEventSchema>;

/** A blank description, category or query counts as absent. */
export function visibleText(value: string | null | undefined): string | null {
  return typeof value === 'string' && visible.test(value) ? value : null;
}
