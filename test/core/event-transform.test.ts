// A rule that corrects events: what it makes of their members, and when it does not apply.

import { expect, test } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { parseExactly } from '#core/event/exact-json.ts';
import { eventTransform, type TransformSpec } from '#core/mapping/event-transform.ts';

const event = {
  id: 7,
  user: 'U-1',
  when: '31.01.2026 13:00',
  product: { price: '1.299,50 €', tags: ['a', 'b'] },
};

test.each<[string, TransformSpec, object]>([
  [
    'a number with a decimal comma',
    { 'product.price': { number: '{product.price}', decimal: 'comma' } },
    { ...event, product: { ...event.product, price: 1299.5 } },
  ],
  ['a text from a member', { user_id: '{user|lower}' }, { ...event, user_id: 'u-1' }],
  [
    'the first of several that is not empty',
    { user_id: ['{guest}', 'id:{id}'] },
    { ...event, user_id: 'id:7' },
  ],
  [
    'a time',
    {
      timestamp: {
        time: '{when}',
        date_format: 'dd.MM.yyyy HH:mm',
        time_zone: 'Europe/Berlin',
      },
    },
    { ...event, timestamp: '2026-01-31T12:00:00.000Z' },
  ],
  [
    'a translated word',
    { kind: { from: '{user}', map: { 'U-1': 'first' }, otherwise: 'other' } },
    { ...event, kind: 'first' },
  ],
  [
    'constants, a removed member, and an object that is not there yet',
    { quantity: 1, gift: true, id: null, 'shop.country': 'de' },
    {
      user: 'U-1',
      when: event.when,
      product: event.product,
      quantity: 1,
      gift: true,
      shop: { country: 'de' },
    },
  ],
  [
    'members that change places, because all are read from the event as it came',
    { user: '{when}', when: '{user}' },
    { ...event, user: event.when, when: 'U-1' },
  ],
])('makes %s', (_, spec, expected) => {
  expect(eventTransform(spec)(event)).toEqual({ value: expected });
});

test.each<[string, TransformSpec, string]>([
  ['a number that is not one', { price: { number: '{user}' } }, 'price: "U-1" is not a number'],
  [
    'a time that is not one',
    { at: { time: '{user}' } },
    'at: "U-1" is not a time that can be read',
  ],
  [
    'an empty source',
    { user_id: '{guest}' },
    'user_id: the members that it is made from are empty',
  ],
  [
    'a word without a meaning',
    { kind: { from: '{user}', map: {} } },
    'kind: "U-1" is not in its map',
  ],
  ['a path through a text', { 'user.id': '{id}' }, 'user.id: a part of its path is not an object'],
])('does not apply to an event with %s', (_, spec, problem) => {
  expect(eventTransform(spec)(event)).toEqual({ problem });
});

test('keeps the digits of a long id and leaves the event itself as it was', () => {
  const sent = '{"id":2103807459595387724,"user":"u"}';
  const given = parseExactly(sent);
  expect(JSON.stringify(eventTransform({ user_id: '{id}' })(given))).toBe(
    '{"value":{"id":2103807459595387724,"user":"u","user_id":"2103807459595387724"}}',
  );
  expect(JSON.stringify(given)).toBe(sent);
  expect(eventTransform({ user_id: 'x' })([])).toEqual({ problem: 'It is not a JSON object.' });
});

test.each<[TransformSpec]>([
  [{ user_id: '{user' }],
  [{ user_id: '{user|shout}' }],
  [{ user_id: '{record:key}' }],
  [{ timestamp: { time: '{when}', date_format: 'dd.QQ' } }],
])('refuses a rule that cannot be read: %j', (spec) => {
  expect(() => eventTransform(spec)).toThrow(UsageError);
});

test('a number kept as its digits has no members', () => {
  const given = parseExactly('{"user": 12345678901234567890}');
  expect(eventTransform({ 'user.id': 'x' })(given)).toEqual({
    problem: 'user.id: a part of its path is not an object',
  });
});
