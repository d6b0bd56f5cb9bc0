// Remembers what recommendations showed, and counts which of it was clicked and bought.
//
//     shown      a product was in an answer
//     clicked    a view of it carries the answer's id
//     purchased  a purchase of it carries the answer's id
//
// Each counts once for a product of an answer, however often its event comes again.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { EventType } from '#core/ports.ts';
import { type Source, sources } from './recommendation-scores.ts';

export const placeGroups = ['1', '2', '3', '4-10', '11-20'] as const;
export type PlaceGroup = (typeof placeGroups)[number];
export const attributionOutcomes = ['shown', 'clicked', 'purchased'] as const;
export type AttributionOutcome = (typeof attributionOutcomes)[number];

export type Attributed = {
  readonly source: Source;
  readonly place: PlaceGroup;
  readonly outcome: AttributionOutcome;
};

export type AttributionRow = {
  readonly source: Source;
  readonly place: PlaceGroup;
} & Readonly<Record<AttributionOutcome, number>>;

type Shown = Pick<Attributed, 'source' | 'place'> & { readonly had: Set<AttributionOutcome> };

const answersMax = 5_000;
const placesMax = 20;

export class Attribution {
  readonly #answers = new BoundedMap<string, ReadonlyMap<string, Shown>>(() => answersMax);
  readonly #counts = new Map<string, number>();
  readonly #counted: (what: Attributed) => void;
  /** Events with the id of an answer that is not known: of another gateway, or too old. */
  unknownEvents = 0;

  /** @param counted called for each count */
  constructor(counted: (what: Attributed) => void) {
    this.#counted = counted;
  }

  /** The first 20 products of an answer, in order, each with the source that chose it. */
  shown(
    answerId: string,
    items: readonly { readonly productId: string; readonly source: Source }[],
  ): void {
    const products = new Map<string, Shown>();
    for (const [index, { productId, source }] of items.slice(0, placesMax).entries())
      products.set(productId, { source, place: groupOf(index), had: new Set() });
    this.#answers.set(answerId, products);
    for (const product of products.values()) this.#count(product, 'shown');
  }

  happened(answerId: string, productId: string, eventType: EventType): void {
    const answer = this.#answers.get(answerId);
    if (answer === undefined) this.unknownEvents += 1;
    const product = answer?.get(productId);
    if (product === undefined) return;
    if (eventType === 'view') this.#count(product, 'clicked');
    if (eventType === 'purchase') this.#count(product, 'purchased');
  }

  rows(): readonly AttributionRow[] {
    const countOf = (source: Source, place: PlaceGroup, outcome: AttributionOutcome): number =>
      this.#counts.get(keyOf({ source, place, outcome })) ?? 0;
    return sources.flatMap((source) =>
      placeGroups.map((place) => ({
        source,
        place,
        shown: countOf(source, place, 'shown'),
        clicked: countOf(source, place, 'clicked'),
        purchased: countOf(source, place, 'purchased'),
      })),
    );
  }

  #count({ source, place, had }: Shown, outcome: AttributionOutcome): void {
    if (had.has(outcome)) return;
    had.add(outcome);
    const what = { source, place, outcome };
    this.#counts.set(keyOf(what), (this.#counts.get(keyOf(what)) ?? 0) + 1);
    this.#counted(what);
  }
}

const keyOf = ({ source, place, outcome }: Attributed): string => `${source} ${place} ${outcome}`;

function groupOf(index: number): PlaceGroup {
  if (index < 3) return placeGroups[index] ?? '1';
  return index < 10 ? '4-10' : '11-20';
}
