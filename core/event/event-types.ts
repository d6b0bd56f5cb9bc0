// The types that events may have: the program's own, and those that the settings add, each with
// what it says of a visitor's interest and its place in the funnel.

import type { z } from 'zod';
import type { EventType } from '#core/ports.ts';
import { eventSchemaOf, type wireEventSchema } from './event-schema.ts';

export const funnelPlaces = ['view', 'cart', 'purchase', 'none'] as const;
export type FunnelPlace = (typeof funnelPlaces)[number];

/** A type of the settings. */
export type AddedEventType = {
  /** Lower-case letters, digits and `_`. */
  readonly name: string;
  readonly place: FunnelPlace;
  /** How strongly it shows interest, in views; negative cancels interest. */
  readonly weight: number;
};

/**
 * The program's own types. A purchase is the strongest sign of interest, then what comes closest to
 * one. Removing from the cart cancels adding to it. The order of the weights matters more than
 * their values.
 */
const own: readonly AddedEventType[] = [
  { name: 'view', place: 'view', weight: 1 },
  { name: 'add_to_cart', place: 'cart', weight: 3 },
  { name: 'remove_from_cart', place: 'none', weight: -3 },
  { name: 'purchase', place: 'purchase', weight: 5 },
  { name: 'wishlist_add', place: 'none', weight: 2 },
  { name: 'search', place: 'none', weight: 1.5 },
];

export type EventTypes = {
  readonly names: readonly EventType[];
  /** How strongly each shows interest. */
  readonly weights: ReadonlyMap<EventType, number>;
  /** Those that show interest in a product. */
  readonly touches: readonly EventType[];
  readonly places: Readonly<Record<FunnelPlace, readonly EventType[]>>;
  placeOf(type: EventType): FunnelPlace;
  /** The type that a text in other letters means, such as `addToCart`. */
  named(text: string): EventType | undefined;
  readonly schema: z.ZodType<z.infer<typeof wireEventSchema>>;
};

function withAdded(added: readonly AddedEventType[]): EventTypes {
  const all = [...own, ...added];
  const names = all.map(({ name }) => name);
  const known = new Set(names);
  const byLetters = new Map(names.map((name) => [lettersOf(name), name]));
  const placeOf = new Map(all.map(({ name, place }) => [name, place]));
  const at = (wanted: FunnelPlace): EventType[] =>
    all.filter(({ place }) => place === wanted).map(({ name }) => name);
  return {
    names,
    weights: new Map(all.map(({ name, weight }) => [name, weight])),
    touches: all
      .filter(({ name, weight }) => name !== 'search' && weight > 0)
      .map(({ name }) => name),
    places: {
      view: at('view'),
      cart: at('cart'),
      purchase: at('purchase'),
      none: at('none'),
    },
    placeOf: (type) => placeOf.get(type) ?? 'none',
    named: (text) => (known.has(text) ? text : byLetters.get(lettersOf(text))),
    schema: eventSchemaOf(names),
  };
}

const addedMax = 32;
/** Types that a shop may have at most. */
export const typesMax = own.length + addedMax;

/**
 * Reads texts such as `click:view:0.5`; `null` if one of them is none, if they are too many, or if
 * names do not differ, also from the program's own, in more than `_`.
 */
export function readEventTypes(texts: readonly string[]): readonly AddedEventType[] | null {
  const types = texts.flatMap((text) => readEventType(text) ?? []);
  const names = [...own, ...types].map(({ name }) => lettersOf(name));
  const areNew = new Set(names).size === names.length;
  return areNew && types.length === texts.length && types.length <= addedMax ? types : null;
}

function readEventType(text: string): AddedEventType | null {
  const [, name = '', wanted, number] =
    /^([a-z][a-z0-9_]{0,31}):([a-z]+):(-?[\d.]+)$/.exec(text) ?? [];
  const place = funnelPlaces.find((known) => known === wanted);
  const weight = Number(number);
  return place !== undefined && Math.abs(weight) <= 100 ? { name, place, weight } : null;
}

const lettersOf = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]/g, '');

/** Without any from the settings. */
export const ownEventTypes: EventTypes = withAdded([]);

export const eventTypesOf = (added: readonly AddedEventType[]): EventTypes =>
  added.length === 0 ? ownEventTypes : withAdded(added);
