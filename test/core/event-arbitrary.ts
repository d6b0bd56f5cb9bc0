// Valid events as a shop might send them, with everything that the wire format allows and nothing
// else.

import fc from 'fast-check';
import { eventTypes } from '#core/ports.ts';

/** The current time for `parseEvent` in tests with these events, UTC ms. */
export const eventNow = Date.UTC(2026, 10, 23, 12);

const two = (value: number) => String(value).padStart(2, '0');

/** An instant and one of the many ways to write it. */
export const timestampArbitrary = fc
  .record({
    second: fc.integer({ min: Date.UTC(2000, 0, 2) / 1000, max: eventNow / 1000 + 299 }),
    fraction: fc
      .array(fc.integer({ min: 0, max: 9 }), { maxLength: 9 })
      .map((digits) => digits.join('')),
    offsetMinutes: fc.integer({ min: -14 * 60, max: 14 * 60 }),
    separator: fc.constantFrom('T', 't', ' '),
    style: fc.constantFrom('Z', 'z', '+hh:mm', '+hhmm', '+hh'),
  })
  .map(({ second, fraction, offsetMinutes, separator, style }) => {
    const minutes = style.startsWith('+')
      ? style === '+hh'
        ? Math.trunc(offsetMinutes / 60) * 60
        : offsetMinutes
      : 0;
    const local = new Date((second + minutes * 60) * 1000)
      .toISOString()
      .slice(0, 19)
      .replace('T', separator);
    const hours = `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}`;
    const rest = two(Math.abs(minutes) % 60);
    const offset =
      { Z: 'Z', z: 'z', '+hh:mm': `${hours}:${rest}`, '+hhmm': hours + rest, '+hh': hours }[
        style
      ] ?? 'Z';
    return {
      text: local + (fraction === '' ? '' : `.${fraction}`) + offset,
      ms: second * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0')),
    };
  });

const textArbitrary = (lengthMax: number) =>
  fc
    .string({ unit: 'grapheme', maxLength: Math.min(lengthMax, 60) })
    .filter((text) => text.length <= lengthMax);
const visible = (text: string) => text.replaceAll(/\p{Cc}/gu, '').trim() !== '';
const notInIds = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]|^\.{1,2}$/u;
const idArbitrary = fc.oneof(
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.toUpperCase()),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => visible(text) && !notInIds.test(text) && text.length <= 256),
);
const numberArbitrary = (max: number) => fc.double({ min: 0, max, noNaN: true });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const reserved = /"(?:__proto__|constructor|prototype)":/;
const unknownFieldsArbitrary = fc
  .dictionary(
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((name) => `x_${name}`),
    fc.jsonValue({ maxDepth: 3 }),
    { maxKeys: 5 },
  )
  .filter((fields) => !reserved.test(JSON.stringify(fields)));

export const productArbitrary = fc.record(
  {
    id: idArbitrary,
    name: textArbitrary(1024).filter(visible),
    description: optional(textArbitrary(16_384)),
    category: optional(textArbitrary(512)),
    price: numberArbitrary(1e9),
    brand: textArbitrary(20),
  },
  { requiredKeys: ['id', 'name', 'price'] },
);

const commonFields = {
  event_id: idArbitrary,
  timestamp: timestampArbitrary.map(({ text }) => text),
  user_id: idArbitrary,
  session_id: idArbitrary,
};
const optionalFields = {
  quantity: optional(fc.integer({ min: 1, max: 1e6 })),
  total_amount: optional(numberArbitrary(1e12)),
  payment_method: optional(textArbitrary(64)),
  view_duration: optional(numberArbitrary(1e7)),
};
const requiredKeys = ['event_id', 'timestamp', 'user_id', 'session_id', 'event_type'] as const;

/** Every event type, each with a product. */
export const productEventArbitrary = fc
  .tuple(
    fc.record(
      {
        ...commonFields,
        event_type: fc.constantFrom(...eventTypes),
        product: productArbitrary,
        search_query: optional(textArbitrary(1024)),
        ...optionalFields,
      },
      { requiredKeys: [...requiredKeys, 'product'] },
    ),
    unknownFieldsArbitrary,
  )
  .map(([event, unknown]) => ({ ...unknown, ...event }));

/** Searches for words, with or without a product. */
export const searchEventArbitrary = fc
  .tuple(
    fc.record(
      {
        ...commonFields,
        event_type: fc.constant('search' as const),
        product: optional(productArbitrary),
        search_query: textArbitrary(1024).filter(visible),
        ...optionalFields,
      },
      { requiredKeys: [...requiredKeys, 'search_query'] },
    ),
    unknownFieldsArbitrary,
  )
  .map(([event, unknown]) => ({ ...unknown, ...event }));

/** Any valid event. */
export const wireEventArbitrary = fc.oneof(productEventArbitrary, searchEventArbitrary);
