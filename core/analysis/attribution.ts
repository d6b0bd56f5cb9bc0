// Remembers what recommendations or searches showed, and counts which of it was clicked and bought.
//
//     shown      a product was in an answer
//     clicked    a view of it carries the answer's id
//     purchased  a purchase of it carries the answer's id
//
// Each counts once for a product of an answer, however often its event comes again.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { FunnelPlace } from '#core/event/event-types.ts';

export const placeGroups = ['1', '2', '3', '4-10', '11-20'] as const;
export type PlaceGroup = (typeof placeGroups)[number];
export const attributionOutcomes = ['shown', 'clicked', 'purchased'] as const;
export type AttributionOutcome = (typeof attributionOutcomes)[number];

/** `Source`: what chose a product. */
export type Attributed<Source extends string> = {
  readonly source: Source;
  readonly place: PlaceGroup;
  readonly outcome: AttributionOutcome;
};

export type AttributionRow<Source extends string> = {
  readonly source: Source;
  readonly place: PlaceGroup;
} & Readonly<Record<AttributionOutcome, number>>;

export type ShownProduct<Source extends string> = {
  readonly productId: string;
  readonly source: Source;
};

type Shown<Source extends string> = Pick<Attributed<Source>, 'source' | 'place'> & {
  readonly had: Set<AttributionOutcome>;
};

const answersMax = 5_000;
const placesMax = 20;

export class Attribution<Source extends string> {
  readonly #answers = new BoundedMap<string, ReadonlyMap<string, Shown<Source>>>(() => answersMax);
  readonly #counts = new Map<string, number>();
  readonly #sources: readonly Source[];
  readonly #counted: (what: Attributed<Source>) => void;
  /** Events with the id of an answer that is not known: of another gateway, or too old. */
  unknownEvents = 0;

  /** @param counted called for each count */
  constructor(sources: readonly Source[], counted: (what: Attributed<Source>) => void) {
    this.#sources = sources;
    this.#counted = counted;
  }

  /**
   * The first 20 products of an answer, in order, each with the source that chose it. `before`: how
   * many the pages before showed.
   */
  shown(answerId: string, items: readonly ShownProduct<Source>[], before = 0): void {
    const products = new Map<string, Shown<Source>>();
    for (const [index, { productId, source }] of items.entries())
      if (before + index < placesMax)
        products.set(productId, { source, place: groupOf(before + index), had: new Set() });
    this.#answers.set(answerId, products);
    for (const product of products.values()) this.#count(product, 'shown');
  }

  /** @param place of the event in the funnel */
  happened(answerId: string, productId: string, place: FunnelPlace): void {
    const answer = this.#answers.get(answerId);
    if (answer === undefined) this.unknownEvents += 1;
    const product = answer?.get(productId);
    if (product === undefined) return;
    if (place === 'view') this.#count(product, 'clicked');
    if (place === 'purchase') this.#count(product, 'purchased');
  }

  rows(): readonly AttributionRow<Source>[] {
    const countOf = (source: Source, place: PlaceGroup, outcome: AttributionOutcome): number =>
      this.#counts.get(keyOf({ source, place, outcome })) ?? 0;
    return this.#sources.flatMap((source) =>
      placeGroups.map((place) => ({
        source,
        place,
        shown: countOf(source, place, 'shown'),
        clicked: countOf(source, place, 'clicked'),
        purchased: countOf(source, place, 'purchased'),
      })),
    );
  }

  #count({ source, place, had }: Shown<Source>, outcome: AttributionOutcome): void {
    if (had.has(outcome)) return;
    had.add(outcome);
    const what = { source, place, outcome };
    this.#counts.set(keyOf(what), (this.#counts.get(keyOf(what)) ?? 0) + 1);
    this.#counted(what);
  }
}

const keyOf = ({ source, place, outcome }: Attributed<string>): string =>
  `${source} ${place} ${outcome}`;

function groupOf(index: number): PlaceGroup {
  if (index < 3) return placeGroups[index] ?? '1';
  return index < 10 ? '4-10' : '11-20';
}
