// Texts have one normal form: events that read the same have the same text and the same id.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { textIdOf } from '#core/event/text-id.ts';
import { documentOf, normaliseText, textTemplate } from '#core/event/text.ts';
import { eventNow, productEventArbitrary, wireEventArbitrary } from './event-arbitrary.ts';

function documentFrom(wire: object) {
  const event = parseEvent(new TextEncoder().encode(JSON.stringify(wire)), eventNow);
  if (isRejection(event)) throw new Error(event.message);
  return documentOf(event);
}

const product = {
  id: 'p-1',
  name: 'Kettle',
  description: '1.7 l, stainless steel',
  category: 'Kitchen',
  price: 30,
};
const wire = {
  event_id: 'e-1',
  timestamp: '2026-11-23T10:00:00Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product,
};

test.each([
  [product, 'Kettle, Kitchen: 1.7 l, stainless steel'],
  [{ ...product, category: null }, 'Kettle: 1.7 l, stainless steel'],
  [{ ...product, description: ' ' }, 'Kettle, Kitchen'],
  [{ id: 'p-1', name: '  Kettle\n', price: 30 }, 'Kettle'],
  [{ ...product, name: '{category}', description: '$& {name}' }, '{category}, Kitchen: $& {name}'],
])('the template leaves out what is absent: %j', (given, text) => {
  expect(documentFrom({ ...wire, product: given })).toMatchObject({
    text,
    kind: 'product',
    textId: textIdOf(text),
  });
});

test('the template is written out, for the hash that an index keeps', () => {
  expect(textTemplate).toBe('{name}, {category}: {description} (NFC, blanks collapsed)');
});

test('a search has the text of its query, or of its product when it has no query', () => {
  const search = { ...wire, event_type: 'search', search_query: ' tea   kettle ' };
  expect(documentFrom(search)).toMatchObject({ text: 'tea kettle', kind: 'query' });
  expect(documentFrom({ ...search, product: undefined })).toMatchObject({
    text: 'tea kettle',
    kind: 'query',
  });
  expect(documentFrom({ ...search, search_query: ' ' })).toEqual({
    ...documentFrom(wire),
    event: expect.anything(),
  });
  expect(documentFrom({ ...wire, search_query: 'tea kettle' }).kind).toBe('product');
});

test('a query never takes the id of a product with the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(textIdOf(text, 'query')).not.toBe(textIdOf(text, 'product'));
    }),
  );
});

test('user, time, price and event type do not change the text', () => {
  fc.assert(
    fc.property(productEventArbitrary, (event) => {
      const { text, textId } = documentFrom({ ...event, event_type: 'view' });
      const other = {
        ...event,
        event_type: 'purchase',
        user_id: 'other',
        timestamp: wire.timestamp,
        product: { ...event.product, price: 1, id: 'other' },
      };
      expect(documentFrom(other)).toMatchObject({ text, textId });
    }),
  );
});

test('every valid event has a non-empty text in normal form', () => {
  fc.assert(
    fc.property(wireEventArbitrary, (event) => {
      const { text, textId, kind } = documentFrom(event);
      expect(text).toMatch(/^[^\s\p{Cc}\p{Cs}]+(?: [^\s\p{Cc}\p{Cs}]+)*$/u);
      expect(normaliseText(text)).toBe(text);
      expect(textIdOf(text, kind)).toBe(textId);
    }),
    { numRuns: 300 },
  );
});

test('normalisation is idempotent and total, and gives lookalikes the same form', () => {
  const anything = fc.array(
    fc.oneof(
      fc.constantFrom(0x20, 0x09, 0x0a, 0xa0, 0x3000, 0x00, 0x85, 0xd800, 0xdc00, 0x301, 0x65),
      fc.nat(0xffff),
    ),
  );
  fc.assert(
    fc.property(anything, (units) => {
      const text = String.fromCharCode(...units);
      const normal = normaliseText(text);
      expect(normaliseText(normal)).toBe(normal);
      expect(normaliseText(` \t${text.normalize('NFD')}\u0000\n`)).toBe(normal);
      expect(normal).toBe(normal.toWellFormed().normalize('NFC'));
    }),
    { numRuns: 500 },
  );
  expect(normaliseText('Cafe\u0301\u00a0\r\n\tau  lait\ud800 ')).toBe('Café au lait\ufffd');
});
