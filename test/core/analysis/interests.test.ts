// A user's events weigh by type and age, and those that led to a product explain it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { causesOf, interestsOf, weightsByText } from '#core/analysis/interests.ts';
import { eventTypesOf, ownEventTypes } from '#core/event/event-types.ts';
import { type EventType, eventTypes, type StoredEvent } from '#core/ports.ts';

const hour = 3_600_000;
const stored = (eventType: EventType, hoursAgo: number, textId = 't'): StoredEvent => ({
  id: `${eventType}-${hoursAgo}-${textId}`,
  textId,
  timestamp: 1_000 * hour - hoursAgo * hour,
  ingestedAt: 0,
  payload: JSON.stringify({
    event_id: `${eventType}-${hoursAgo}`,
    timestamp: '2026-01-01T00:00:00Z',
    user_id: 'u',
    session_id: 's',
    event_type: eventType,
    ...(eventType === 'search'
      ? { search_query: 'kettle' }
      : { product: { id: 'p', name: 'Kettle', price: 1 } }),
  }),
});

describe('interests', () => {
  it('rank purchase before cart, wish list, search and view; removals count against', () => {
    const weights = interestsOf(
      eventTypes.map((type) => stored(type, 0)),
      hour,
    ).toSorted((a, b) => b.weight - a.weight);
    expect(weights.map(({ eventType }) => eventType)).toEqual([
      'purchase',
      'add_to_cart',
      'wishlist_add',
      'search',
      'view',
      'remove_from_cart',
    ]);
    expect(weights.at(-1)?.weight).toBeLessThan(0);
    expect(
      weightsByText(
        interestsOf([stored('remove_from_cart', 0), stored('add_to_cart', 0)], hour),
      ).get('t'),
    ).toBe(0);
  });

  it('lose half their weight per half-life, counted back from the newest', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...eventTypes),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 100 }),
        (type, newest, older) => {
          const [first, second] = interestsOf(
            [stored(type, newest), stored(type, newest + older)],
            older * hour,
          );
          const weight = ownEventTypes.weights.get(type) ?? 0;
          expect(first?.weight).toBeCloseTo(weight, 9);
          expect(second?.weight).toBeCloseTo(weight / 2, 9);
        },
      ),
    );
  });

  it('have the weights of types that the settings add', () => {
    const types = eventTypesOf([
      { name: 'click', place: 'view', weight: 0.5 },
      { name: 'refund', place: 'none', weight: -5 },
    ]);
    const events = [stored('click', 0), stored('refund', 0, 'u'), stored('rating', 0)];
    const weights = interestsOf(events, hour, types).map(({ eventType: type, weight }) => [
      type,
      weight,
    ]);
    expect(weights).toEqual([
      ['click', 0.5],
      ['refund', -5],
    ]);
  });

  it('do not include events whose payload is not an event', () => {
    expect(interestsOf([{ ...stored('view', 0), payload: '{"event_id":"x"}' }], hour)).toEqual([]);
  });

  it('explain a product by weight × similarity, strongest first, never by a dislike', () => {
    const vectors = new Map([
      ['near', Float32Array.of(1, 0)],
      ['half', Float32Array.of(0.6, 0.8)],
      ['against', Float32Array.of(-1, 0)],
    ]);
    const interests = interestsOf(
      [
        stored('view', 0, 'near'),
        stored('purchase', 0, 'half'),
        stored('view', 0, 'against'),
        stored('remove_from_cart', 0, 'near'),
        stored('view', 0, 'unknown'),
      ],
      hour,
    );
    const causes = causesOf(Float32Array.of(1, 0), interests, vectors, 3);
    expect(
      causes.map(({ interest, similarity }) => [
        interest.textId,
        interest.eventType,
        Math.round(similarity * 10) / 10,
      ]),
    ).toEqual([
      ['half', 'purchase', 0.6],
      ['near', 'view', 1],
    ]);
    expect(causesOf(Float32Array.of(1, 0), interests, vectors, 1)).toHaveLength(1);
  });
});
