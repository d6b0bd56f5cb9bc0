// Types of events that the settings add are read, weighed and placed as the program's own.

import { describe, expect, test } from 'vitest';
import { eventTypesOf, ownEventTypes } from '#core/event/event-types.ts';
import { eventLimits, isRejection, parseEvent } from '#core/event/parse-event.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { eventTypes } from '#core/ports.ts';
import { productById } from '#core/vectors/lexical/product-by-id.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { dimensions, eventRecord, textRecord } from '../conformance/store-records.ts';
import { event, problemOf, testApp } from '../gateway/test-services.ts';

const types = eventTypesOf([
  { name: 'click', place: 'view', weight: 0.5 },
  { name: 'checkout', place: 'cart', weight: 4 },
  { name: 'refund', place: 'none', weight: -5 },
]);
const limits = { ...eventLimits, types };
const read = (type: string, by = limits) => {
  const sent = { ...event(), event_type: type };
  const parsed = parseEvent(new TextEncoder().encode(JSON.stringify(sent)), Date.now(), by);
  return isRejection(parsed) ? parsed.message : parsed.eventType;
};

test("the program's own types are the first", () => {
  expect(ownEventTypes.names.toSorted()).toEqual(eventTypes.toSorted());
  expect(ownEventTypes.touches).toEqual(['view', 'add_to_cart', 'purchase', 'wishlist_add']);
});

test('an event of an added type is read, in other letters too, unless limits are strict', () => {
  expect(['click', 'Click', 'CHECK-OUT', 'add to cart'].map((type) => read(type))).toEqual([
    'click',
    'click',
    'checkout',
    'add_to_cart',
  ]);
  const strict = { ...limits, strict: true };
  expect(read('click', strict)).toBe('click');
  expect(read('Click', strict)).toContain('got "Click", allowed: one of view');
});

test('an unknown type is refused with the names of all', () => {
  expect(read('rating')).toContain('wishlist_add, search, click, checkout, refund');
  expect(read('click', eventLimits)).toMatch(/got "click", allowed: one of view.*search$/);
});

test('a positive weight touches a product; the place is a step of the funnel', () => {
  expect(types.touches).toEqual([...ownEventTypes.touches, 'click', 'checkout']);
  expect(types.places).toMatchObject({
    view: ['view', 'click'],
    cart: ['add_to_cart', 'checkout'],
    purchase: ['purchase'],
  });
  expect(['click', 'refund', 'gone'].map((type) => types.placeOf(type))).toEqual([
    'view',
    'none',
    'none',
  ]);
});

test('a product that is found by its id counts its events of every type', async () => {
  const store = createMemoryStore({ dimensions });
  await store.putTexts([textRecord(1)]);
  const touching = types.names.filter((name) => name !== 'search');
  await store.putEvents(
    touching.map((eventType, n) => eventRecord(n, { text: 1, eventType, productId: 'lamp' })),
  );
  const hit = await productById(store, ['lamp'], {});
  expect(hit?.events).toEqual({
    total: touching.length,
    byType: Object.fromEntries(touching.map((name) => [name, 1])),
  });
});

const parsed = (value: string) =>
  parseConfig({ yaml: null, env: { VECTORSTREAM_EVENTS_TYPES: value }, flags: new Map() }).events
    .types;

describe('the setting events.types', () => {
  test('is a list of name, place and weight', () => {
    expect(parsed('click:view:0.5, refund:none:-5')).toEqual([
      { name: 'click', place: 'view', weight: 0.5 },
      { name: 'refund', place: 'none', weight: -5 },
    ]);
    expect(
      parseConfig({ yaml: 'events: {types: ["click:view:1"]}', env: {}, flags: new Map() }).events
        .types,
    ).toEqual([{ name: 'click', place: 'view', weight: 1 }]);
  });

  test.each([
    'click',
    'click:buy:1',
    'Click:view:1',
    'click:view:101',
    'click:view:1.2.3',
    'view:view:1',
    'add_tocart:cart:1',
    'click:view:1,click:none:0',
    "x';drop:view:1",
    Array.from({ length: 33 }, (_, n) => `t${n}:none:0`).join(),
  ])('refuses %s', (value) => {
    expect(() => parsed(value)).toThrow(/events.types|VECTORSTREAM_EVENTS_TYPES/);
  });
});

/** How many lists of types in the description of the API end with `click`. */
async function describedIn(app: ReturnType<typeof testApp>): Promise<number> {
  const text = await (await app.request('/openapi.json')).text();
  return text.split('"wishlist_add","search","click"').length - 1;
}

describe('over HTTP', () => {
  const env = { VECTORSTREAM_EVENTS_TYPES: 'click:view:0.5' };

  test('such an event is accepted, and filters know its type', async () => {
    const { post, request } = testApp({}, env);
    const click = { ...event(), event_type: 'click' };
    expect((await post('/events', click)).status).toBe(202);
    expect((await testApp().post('/events', click)).status).toBe(400);
    expect((await request('/events?event_type=click')).status).toBe(200);
    expect(await problemOf(await request('/events?event_type=rating'))).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/^event_type: .*search, click$/),
      errors: [{ path: 'event_type' }],
    });
  });

  test('the description of the API names it', async () => {
    expect(await describedIn(testApp({}, env))).toBeGreaterThan(3);
    expect(await describedIn(testApp())).toBe(0);
  });
});
