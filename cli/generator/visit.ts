// One visitor's session, step by step. Visitors view a product before they put it in the cart,
// remove only what is in it, and buy nothing twice.

import type { EventType } from '#core/ports.ts';
import type { CatalogueProduct } from './catalogue.ts';
import type { Random } from './random.ts';

/** One step, with the members that its event has in addition to the common ones. */
export type Step = {
  readonly type: EventType;
  readonly product: CatalogueProduct | null;
  readonly query: string | null;
  readonly quantity: number | null;
};

export type Visit = {
  readonly userId: string;
  readonly sessionId: string;
  /** `null` when the visitor has left. */
  next(): Step | null;
};

/** Probabilities of a visitor's choices, tuned so that a tenth of all events are searches. */
const startsWithSearch = 0.5;
const searchesAgain = 0.05;
const leaves = 0.14;
const stepsMax = 40;

export type VisitOptions = {
  readonly userId: string;
  readonly sessionId: string;
  /** Chooses the next product for this visitor. */
  readonly choose: () => CatalogueProduct;
  readonly searches: boolean;
  readonly dice: Random;
};

export function startVisit({ userId, sessionId, choose, searches, dice }: VisitOptions): Visit {
  const cart: { readonly product: CatalogueProduct; readonly quantity: number }[] = [];
  const wished = new Set<CatalogueProduct>();
  let wanted: CatalogueProduct | null = null;
  let viewed: CatalogueProduct | null = null;
  let steps = 0;
  let paying = false;

  const search = (): Step => {
    wanted = choose();
    return { type: 'search', product: null, query: queryFor(wanted, dice), quantity: null };
  };
  const view = (): Step => {
    viewed = wanted ?? choose();
    wanted = null;
    return step('view', viewed);
  };
  const buy = (): Step | null => {
    const line = cart.shift();
    paying = cart.length > 0;
    return line === undefined ? null : step('purchase', line.product, line.quantity);
  };

  return {
    userId,
    sessionId,
    next() {
      steps += 1;
      if (paying) return buy();
      if (steps === 1) return searches && dice.chance(startsWithSearch) ? search() : view();
      if (wanted !== null || viewed === null) return view();
      if (steps > stepsMax) return null;

      const choice = dice.next();
      if (choice < leaves) {
        // Two in five carts are bought, the others are abandoned, as in real shops.
        if (cart.length === 0 || !dice.chance(0.4)) return null;
        return buy();
      }
      if (choice < leaves + searchesAgain) return searches ? search() : view();
      if (choice < 0.38) {
        const product = viewed;
        if (cart.some((line) => line.product === product)) return view();
        cart.push({ product, quantity: dice.chance(0.8) ? 1 : 2 + dice.below(3) });
        return step('add_to_cart', product, cart.at(-1)?.quantity ?? 1);
      }
      if (choice < 0.46) {
        if (wished.has(viewed)) return view();
        wished.add(viewed);
        return step('wishlist_add', viewed);
      }
      if (choice < 0.52 && cart.length > 0) {
        const [line] = cart.splice(dice.below(cart.length), 1);
        return line === undefined ? view() : step('remove_from_cart', line.product, line.quantity);
      }
      return view();
    },
  };
}

const step = (
  type: EventType,
  product: CatalogueProduct,
  quantity: number | null = null,
): Step => ({ type, product, query: null, quantity });

/** Half of all searches name only the kind of product; these queries repeat most. */
function queryFor(product: CatalogueProduct, dice: Random): string {
  const { queries } = product;
  return (dice.chance(0.5) ? queries[0] : dice.pick(queries)) ?? product.name;
}
