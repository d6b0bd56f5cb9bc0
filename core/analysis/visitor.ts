// Reads what a visitor touched: the products of an open basket, of a session, or of a user.

import { type EventTypes, ownEventTypes } from '#core/event/event-types.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import type { Product, StoredEvent, VectorStore } from '#core/ports.ts';
import { type Interest, interestsOf } from './interests.ts';

/** Exactly one of three. */
export type VisitorRef =
  /** Product ids in order of touch, the newest last. */
  | { readonly productIds: readonly string[] }
  | { readonly sessionId: string }
  | { readonly userId: string };

export type TouchedProduct = {
  readonly id: string;
  readonly name: string;
  readonly category: string | null;
};

export type Visitor = {
  /** Distinct products of interest, newest first. */
  readonly touched: readonly TouchedProduct[];
  /** Texts of the products and queries of interest, newest first. */
  readonly textIds: readonly string[];
  /** Every product that the visitor met, of interest or not. */
  readonly seen: ReadonlySet<string>;
  /** Products that are never recommended: the basket's own, or those that were bought. */
  readonly owned: ReadonlySet<string>;
  readonly sessionIds: readonly string[];
  readonly interests: readonly Interest[];
  readonly eventsUsed: number;
};

/** How many of a visitor's newest events are read. */
export const eventsMax = 200;
/** How many of a user's newest purchases are left out. */
export const purchasesMax = 500;

type VisitorStore = Pick<VectorStore, 'events' | 'newestOfProducts'>;

export async function readVisitor(
  store: VisitorStore,
  visitor: VisitorRef,
  halfLifeMs: number,
  types: EventTypes = ownEventTypes,
): Promise<Visitor> {
  if ('productIds' in visitor) return readBasket(store, visitor.productIds);
  const { events, purchases } = await readEvents(store, visitor, types);
  const interests = interestsOf(events, halfLifeMs, types);
  const bought = purchases.flatMap(({ payload }) => productOfPayload(payload)?.id ?? []);
  const wanted = interests.filter(isWanted(interests));
  const products = new Map<string, TouchedProduct>();
  for (const { product } of wanted)
    if (product !== null && !products.has(product.id)) products.set(product.id, product);
  return {
    touched: [...products.values()],
    textIds: [...new Set(wanted.map(({ textId }) => textId))],
    seen: new Set(interests.flatMap(({ product }) => product?.id ?? [])),
    owned: new Set(bought),
    sessionIds: [...new Set(interests.map(({ sessionId }) => sessionId))],
    interests,
    eventsUsed: events.length,
  };
}

async function readEvents(
  store: VisitorStore,
  visitor: Exclude<VisitorRef, { readonly productIds: readonly string[] }>,
  { places }: EventTypes,
): Promise<{
  readonly events: readonly StoredEvent[];
  readonly purchases: readonly StoredEvent[];
}> {
  if ('sessionId' in visitor) {
    const events = await store.events({ sessionId: visitor.sessionId }, eventsMax);
    return { events, purchases: [] };
  }
  const { userId } = visitor;
  const [events, purchases] = await Promise.all([
    store.events({ userId }, eventsMax),
    store.events({ userId, eventTypes: places.purchase }, purchasesMax),
  ]);
  return { events, purchases };
}

/** An interest counts unless the events about its text add up to none: it was put back. */
function isWanted(interests: readonly Interest[]): (interest: Interest) => boolean {
  const weights = new Map<string, number>();
  for (const { textId, weight } of interests)
    weights.set(textId, (weights.get(textId) ?? 0) + weight);
  return ({ textId }) => (weights.get(textId) ?? 0) > 0;
}

async function readBasket(store: VisitorStore, productIds: readonly string[]): Promise<Visitor> {
  const newestFirst = [...new Set(productIds.toReversed())];
  const found = await store.newestOfProducts(newestFirst);
  const known = newestFirst.flatMap((id) => {
    const event = found.get(id);
    const product = event === undefined ? null : productOfPayload(event.payload);
    return event === undefined || product === null ? [] : [{ event, product }];
  });
  return {
    touched: known.map(({ product }) => touchedOf(product)),
    textIds: [...new Set(known.map(({ event }) => event.textId))],
    seen: new Set(newestFirst),
    owned: new Set(newestFirst),
    sessionIds: [],
    interests: [],
    eventsUsed: known.length,
  };
}

const touchedOf = ({ id, name, category }: Product): TouchedProduct => ({ id, name, category });
