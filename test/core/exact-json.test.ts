// No digit of a number is lost between the bytes of an event and the answer that returns it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isExactNumber, longWholeNumber, parseExactly } from '#core/event/exact-json.ts';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import type { ProductEvent } from '#core/ports.ts';
import { eventNow, wireEventArbitrary } from './event-arbitrary.ts';

const encoder = new TextEncoder();
const parse = (text: string) => parseEvent(encoder.encode(text), eventNow);
function accepted(text: string): ProductEvent {
  const parsed = parse(text);
  if (isRejection(parsed)) throw new Error(`rejected: ${parsed.message}`);
  return parsed;
}

const digits = (minLength: number, maxLength: number) =>
  fc
    .tuple(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 0, max: 9 }), {
        minLength: minLength - 1,
        maxLength: maxLength - 1,
      }),
    )
    .map(([first, rest]) => [first, ...rest].join(''));
/** JSON numbers as any program may write them, short and long. */
const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), digits(1, 40)),
    fc.option(digits(1, 40), { nil: null }),
  )
  .map(([sign, whole, fraction]) => sign + whole + (fraction === null ? '' : `.${fraction}`));

/** The value of a JSON number without an exponent as a pair that can be compared. */
function valueOf(text: string): string {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const sign = text.startsWith('-') && /[1-9]/.test(text) ? '-' : '';
  return `${sign}${BigInt(whole)}.${fraction.replace(/0+$/, '')}`;
}
const told = (text: string) => longWholeNumber(parseExactly(text));

const plain = {
  event_id: 'e-1',
  timestamp: '2026-11-23T10:00:00Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product: { id: 'p-1', name: 'Lantern', price: 12.5 },
};
/** `plain` as text, with the member at `path` written as `text`. */
function withMember(path: string, text: string): string {
  const [first = '', second] = path.split('.');
  const at =
    second === undefined ? { [first]: '@' } : { product: { ...plain.product, [second]: '@' } };
  return JSON.stringify({ ...plain, ...at }).replace('"@"', text);
}

describe('the exact reader', () => {
  test('reads every number as it was written, wherever it stands', () => {
    fc.assert(
      fc.property(fc.array(numberText, { maxLength: 8 }), fc.nat(40), (numbers, blanks) => {
        const text = `{"a":[${' '.repeat(blanks)}${numbers.join(',')}],"b":{"c":${numbers[0] ?? 1}}}`;
        const written = JSON.stringify(parseExactly(text));
        const found = /"a":\[(.*?)\]/.exec(written)?.[1]?.split(',') ?? [];
        const shown = found.filter((number) => number !== '');
        expect(shown).toHaveLength(numbers.length);
        for (const [index, number] of shown.entries())
          expect(valueOf(number)).toBe(valueOf(numbers[index] ?? ''));
      }),
      { numRuns: 500 },
    );
  });

  test('is JSON.parse for any JSON whose numbers are the floats of a program', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseExactly(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test('fails as JSON.parse does, long numbers or not', () => {
    expect(() => parseExactly('{"a":1234567890123456789')).toThrow(SyntaxError);
    expect(() => parseExactly('{"a":')).toThrow(SyntaxError);
  });

  test('tells whole numbers of 16 digits and more from all others', () => {
    expect(told('2103807459595387724')).toBe('2103807459595387724');
    expect(told('9007199254740993')).toBe('9007199254740993');
    expect(told('1234567890123456')).toBe('1234567890123456');
    for (const other of ['123456789012345', '12345678901234567.5', '0.1234567890123456', '"x"'])
      expect(told(other)).toBeNull();
    expect(isExactNumber({ rawJSON: '1' })).toBe(false);
  });
});

describe('an event with long numbers', () => {
  test('keeps an id beyond 2^53 as its digits, so that no two ids become one', () => {
    const id = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }).map(String);
    const fields = { event_id: 'eventId', user_id: 'userId', session_id: 'sessionId' } as const;
    fc.assert(
      fc.property(id, (sent) => {
        for (const [field, member] of Object.entries(fields))
          expect(Reflect.get(accepted(withMember(field, sent)), member)).toBe(sent);
        const event = accepted(withMember('product.id', sent));
        expect(event.product?.id).toBe(sent);
        // Stored as text, which every reader of the payload understands.
        expect(JSON.parse(event.payload)).toMatchObject({ product: { id: sent } });
      }),
      { numRuns: 200 },
    );
    expect(accepted(withMember('event_id', '2103807459595387724')).id).toBe(
      accepted(withMember('event_id', '"2103807459595387724"')).id,
    );
  });

  test.each([
    ['1795428000123456', '2026-11-23T10:00:00.123456Z'],
    ['1795428000123999', '2026-11-23T10:00:00.123999Z'],
    ['1795428000123999999', '2026-11-23T10:00:00.123999999Z'],
    ['"2026-11-23T10:00:00.123999999Z"', '2026-11-23T10:00:00.123999999Z'],
  ])('reads the timestamp %s exactly', (sent, expected) => {
    const event = accepted(withMember('timestamp', sent));
    expect(event.timestamp).toBe(Date.UTC(2026, 10, 23, 10, 0, 0, 123));
    expect(JSON.parse(event.payload)).toMatchObject({ timestamp: expected });
  });

  test('keeps unknown members exactly, at any depth', () => {
    fc.assert(
      fc.property(wireEventArbitrary, fc.array(numberText, { minLength: 1 }), (sent, numbers) => {
        const list = `[${numbers.join(',')}]`;
        const text = `${JSON.stringify(sent).slice(0, -1)},"y_more":{"deep":${list}}}`;
        const { payload } = accepted(text);
        const kept = payload
          .slice(payload.lastIndexOf('"deep":[') + 8)
          .split(']')[0]
          ?.split(',');
        expect(kept).toHaveLength(numbers.length);
        for (const [index, number] of kept?.entries() ?? [])
          expect(valueOf(number)).toBe(valueOf(numbers[index] ?? ''));
        // What was stored is read again as the same event.
        expect(accepted(payload)).toEqual({ ...accepted(text), payload });
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['product.price', '2103807459595387724', 'a finite number from 0 to 1e9'],
    ['total_amount', '2103807459595387724', 'a finite number from 0 to 1e12'],
    ['quantity', '2103807459595387724', 'a whole number from 1 to 1e6'],
    ['view_duration', '-2103807459595387724', 'a finite number from 0 to 1e7 seconds'],
    ['event_type', '2103807459595387724', 'one of view'],
    ['product.name', '2103807459595387724', 'text of at most 1,024 characters'],
    ['product', '2103807459595387724', 'an object with id, name and price'],
    ['timestamp', '21038074595953877', 'an ISO 8601 date-time'],
    ['user_id', '2103807459595387.724', '1 to 256 visible characters'],
  ])('is refused for %s = %s, with every digit in the message', (field, sent, allowed) => {
    const rejection = parse(withMember(field, sent));
    expect(rejection).toMatchObject({ reason: 'invalid_event', field });
    if (!isRejection(rejection)) throw new Error('accepted');
    expect(rejection.message).toContain(`got ${sent}, allowed: ${allowed}`);
  });

  test('is refused for a number that no float can hold', () => {
    expect(parse(withMember('x', '1234567890123456e999'))).toMatchObject({ field: 'x' });
  });

  test('reads a price of many digits as the nearest float', () => {
    const event = accepted(withMember('product.price', '0.0508305084745762712'));
    expect(event.product?.price).toBe(0.050830508474576271);
  });

  test('is refused for its depth, however deep, and not for its digits', () => {
    const nested = `${'['.repeat(100_000)}1234567890123456789${']'.repeat(100_000)}`;
    expect(parse(withMember('x', nested))).toMatchObject({
      reason: 'invalid_event',
      message: expect.stringContaining('nesting of more than 32 levels'),
    });
    expect(parse('1234567890123456789')).toMatchObject({
      reason: 'invalid_event',
      message: 'event: got 1234567890123456789, allowed: a JSON object',
    });
  });
});
