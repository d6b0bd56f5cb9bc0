// The shape of an event as clients send it: every field, its bounds, and the message for a
// violation.

import { z } from 'zod';
import { eventTypes } from '#core/ports.ts';
import { parseTimestamp, timestampAllowed } from './timestamp.ts';
import { visible } from './visible-text.ts';

/**
 * Ids have no control characters (Unicode's Cc), which break logs and terminals, and no characters
 * that leave no mark or change the order of others: with them, two ids look like one. `.` and `..`
 * cannot stand in a path of the API. The characters are written out, because this pattern appears
 * in the API's description and few languages know `\p{…}`; it holds those below U+10000.
 */
const plainId = new RegExp(
  String.raw`^(?=\s*\S)(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160` +
    String.raw`\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164` +
    String.raw`\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]+$`,
  'u',
);
/** All that the pattern refuses, and the same above U+FFFF. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/u;

const id = () => {
  const allowed = '1 to 256 visible characters, not blank, not . or ..';
  return z
    .string(allowed)
    .max(256, allowed)
    .regex(plainId, allowed)
    .refine((value) => !invisible.test(value), allowed);
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

const address = 'an http(s) address of at most 2,048 characters, or a path that begins with /';
const webAddress = () =>
  z
    .string(address)
    .max(2048, address)
    .regex(/^(https?:\/\/|\/)[!-~\u00a1-\uffff]*$/i, address)
    .nullish();

const attributeValue =
  'text of at most 1,024 characters, a number from -1e12 to 1e12, true or false';

/** What a shop says of a product in its catalogue; absent is `null`. */
export const wireCatalogueProductSchema = z.strictObject(
  {
    ...productShape,
    brand: text(512).nullish(),
    image: webAddress().describe('Address of a picture.'),
    url: webAddress().describe('Address of the page of the product.'),
    stock: number(0, 1e9).nullish().describe('How many are left. Without it, always available.'),
    attributes: z
      .record(
        z.string().min(1).max(128),
        z.union([text(1024), number(-1e12, 1e12), z.boolean()], attributeValue),
        'an object with names of 1 to 128 characters and their values',
      )
      .refine((record) => Object.keys(record).length <= 100, 'at most 100 attributes')
      .nullish(),
    updated_at: text(64, timestampAllowed)
      .refine((time) => parseTimestamp(time).ok, timestampAllowed)
      .nullish()
      .describe('The version: the newest one stays. Without it, the time of arrival.'),
  },
  'a JSON object',
);

const eventType = (names: readonly string[]) => z.enum(names, `one of ${names.join(', ')}`);

/** `null` counts as absent. Unknown fields are kept. An issue's message says what is allowed. */
export const wireEventSchema = z.looseObject(
  {
    event_id: id(),
    timestamp: text(64, timestampAllowed).describe(
      'With a UTC offset. At most 5 minutes ahead (ingest.timestampAheadSecondsMax); beyond ' +
        'that, the event is refused as timestamp_ahead.',
    ),
    user_id: id(),
    event_type: eventType(eventTypes),
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

/** For events that may have other types. */
export const eventSchemaOf = (types: readonly string[]): typeof wireEventSchema =>
  wireEventSchema.extend({ event_type: eventType(types) });
