// The generator: repeatable, with the documented distributions, in a sensible order, and invalid
// exactly where it says.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import type { ProductEvent } from '#core/ports.ts';
import { openEventStream, parseStream } from '../../cli/generator/event-stream.ts';
import type { GeneratorOptions } from '../../cli/generator/event-stream.ts';
import {
  invalidCount,
  invalidKinds,
  isInvalidAt,
  rareInvalidKinds,
} from '../../cli/generator/invalid.ts';
import { random } from '../../cli/generator/random.ts';

const startAt = Date.UTC(2026, 0, 1);
const base: GeneratorOptions = {
  seed: 1,
  count: 2000,
  stream: { kind: 'zipf', exponent: 1.1 },
  catalogueSize: 500,
  invalidPercent: 0,
  startAt,
  stepMs: 10,
};
const generated = (options: Partial<GeneratorOptions>) => [
  ...openEventStream({ ...base, ...options }).events(),
];
const text = (line: Uint8Array): string => new TextDecoder().decode(line);

const lines = (options: Partial<GeneratorOptions>) =>
  generated({ invalidPercent: 5, ...options }).map(({ line, key, isInvalid }) => [
    text(line),
    key,
    isInvalid,
  ]);

function parsed(options: Partial<GeneratorOptions>): ProductEvent[] {
  return generated(options).map(({ line }) => {
    const event = parseEvent(line, startAt);
    if (isRejection(event)) throw new Error(`${event.message}: ${text(line)}`);
    return event;
  });
}

describe('a stream of events', () => {
  test('is identical byte for byte for the same seed and start, and different for others', () => {
    expect(lines({})).toEqual(lines({}));
    expect(lines({ seed: 2 })[0]).not.toEqual(lines({})[0]);
    expect(lines({ startAt: startAt + 1 })[0]).not.toEqual(lines({})[0]);
  });

  test('holds only events that the parser accepts, with unique ids, for any seed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.constantFrom('unique', 'zipf-0.8', 'zipf-1.1', 'seed-10'),
        (seed, stream) => {
          const events = parsed({
            seed,
            stream: parseStream(stream),
            count: 300,
            catalogueSize: 50,
          });
          expect(new Set(events.map(({ id }) => id)).size).toBe(300);
          for (const { eventId, id } of events) expect(id).toBe(eventId);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('has all six types, a tenth of it searches, in time order', () => {
    const events = parsed({ count: 20_000 });
    const share = (type: string): number =>
      events.filter(({ eventType }) => eventType === type).length / events.length;
    expect(share('search')).toBeGreaterThan(0.085);
    expect(share('search')).toBeLessThan(0.115);
    for (const type of ['view', 'add_to_cart', 'remove_from_cart', 'purchase', 'wishlist_add'])
      expect(share(type)).toBeGreaterThan(0.01);
    expect(
      events.every(({ timestamp }, index) => timestamp === startAt + index * base.stepMs),
    ).toBe(true);
  });

  test('gives products the shares of Zipf’s law', () => {
    const events = parsed({ count: 30_000, stream: parseStream('zipf-1.1') });
    const counts = new Map<string, number>();
    for (const { product } of events)
      if (product !== null) counts.set(product.id, (counts.get(product.id) ?? 0) + 1);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const norm = Array.from(
      { length: base.catalogueSize },
      (_, index) => (index + 1) ** -1.1,
    ).reduce((sum, weight) => sum + weight, 0);
    for (const rank of [1, 2, 3, 10]) {
      const share = (counts.get(`p1-${String(rank - 1).padStart(5, '0')}`) ?? 0) / total;
      const expected = rank ** -1.1 / norm;
      expect(share / expected).toBeGreaterThan(0.75);
      expect(share / expected).toBeLessThan(1.25);
    }
  });

  test('called unique never repeats a text, and seed-10 has ten products', () => {
    const texts = parsed({ count: 3000, stream: parseStream('unique') }).map(
      (event) => documentOf(event).textId,
    );
    expect(new Set(texts).size).toBe(3000);
    const ten = new Set(
      parsed({ count: 3000, stream: parseStream('seed-10') }).flatMap(
        ({ product }) => product?.id ?? [],
      ),
    );
    expect(ten.size).toBe(10);
  });

  test('repeats popular searches among many different ones', () => {
    const queries = parsed({ count: 20_000, catalogueSize: 5000 }).flatMap(
      ({ searchQuery }) => searchQuery ?? [],
    );
    expect(new Set(queries).size).toBeGreaterThan(300);
    expect(new Set(queries).size).toBeLessThan(queries.length * 0.7);
  });

  test('acts only on products in the cart, or on those seen in the session', () => {
    type Session = { seen: Set<string>; cart: Set<string> };
    const sessions = new Map<string, Session>();
    const users = new Map<string, string>();
    for (const { eventType, product, sessionId, userId } of parsed({ count: 10_000 })) {
      expect(users.get(sessionId) ?? userId).toBe(userId);
      users.set(sessionId, userId);
      const session = sessions.get(sessionId) ?? { seen: new Set(), cart: new Set() };
      sessions.set(sessionId, session);
      if (product === null) continue;
      if (eventType === 'view') session.seen.add(product.id);
      expect(session.seen).toContain(product.id);
      if (eventType === 'add_to_cart') session.cart.add(product.id);
      const takesFromCart = eventType === 'remove_from_cart' || eventType === 'purchase';
      expect(!takesFromCart || session.cart.delete(product.id)).toBe(true);
    }
    expect(sessions.size).toBeGreaterThan(500);
  });

  test.each(['zipf', 'zipf-', 'zipf-9', 'zipf--1', 'seed-11', ''])(
    '%j is refused as a stream',
    (name) => {
      expect(() => parseStream(name)).toThrow(/^--stream is/);
    },
  );
});

describe('invalid events', () => {
  test('are exactly the rounded share, known, evenly spread, and all that is refused', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 800 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (count, invalidPercent) => {
          const expected = Math.round((count * invalidPercent) / 100);
          expect(openEventStream({ ...base, count, invalidPercent }).invalidCount).toBe(expected);
          const marks = Array.from({ length: count }, (_, index) =>
            isInvalidAt(index, count, invalidCount(count, invalidPercent)),
          );
          expect(marks.filter(Boolean).length).toBe(expected);
          const half = marks.slice(0, Math.ceil(count / 2)).filter(Boolean).length;
          expect(Math.abs(half - expected / 2)).toBeLessThanOrEqual(1.5);
        },
      ),
    );
    const events = generated({ count: 4000, invalidPercent: 50 });
    for (const { line, isInvalid } of events)
      expect(isRejection(parseEvent(line, startAt))).toBe(isInvalid);
    expect(events.filter(({ isInvalid }) => isInvalid).length).toBe(2000);
  });

  test.each([...invalidKinds, ...rareInvalidKinds])(
    '$name is refused, and stays one line',
    (kind) => {
      for (const { line } of generated({ count: 60 })) {
        const spoiled = kind.make(text(line), random(7));
        expect(isRejection(parseEvent(spoiled, startAt))).toBe(true);
        expect(spoiled.includes(10) || spoiled.includes(13)).toBe(false);
        expect(text(spoiled).trim()).not.toBe('');
      }
    },
  );

  test('name every kind once in a round of the table', () => {
    const names = [...invalidKinds, ...rareInvalidKinds].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const made = generated({ count: invalidKinds.length + 1, invalidPercent: 100 });
    expect(made.filter(({ line }) => line.length > 256 * 1024).length).toBe(1);
  });
});
