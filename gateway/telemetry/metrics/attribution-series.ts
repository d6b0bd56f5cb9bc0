// Counts what came of recommendations and searches, for the metrics and GET /stats/attribution.

import {
  Attribution,
  attributionOutcomes,
  placeGroups,
  type ShownProduct,
} from '#core/analysis/attribution.ts';
import { sources } from '#core/analysis/recommendation-scores.ts';
import type { FunnelPlace } from '#core/event/event-types.ts';
import type { ProductEvent } from '#core/ports.ts';
import type { MetricSeries } from './metric-series.ts';

/** What found a hit of a search; `rule`: only a rule of the shop. */
export const hitSources = ['id', 'words', 'meaning', 'rule'] as const;
export type HitSource = (typeof hitSources)[number];

export class AttributionSeries {
  readonly recommendations: Answers<(typeof sources)[number]>;
  readonly searches: Answers<HitSource>;

  constructor(series: MetricSeries) {
    this.recommendations = answersOf(series, sources, {
      member: 'recommendation_id',
      name: 'recommended_products_total',
      help: 'Products in recommendations, and those of them that were clicked and purchased.',
    });
    this.searches = answersOf(series, hitSources, {
      member: 'query_id',
      name: 'found_products_total',
      help: 'Products in answers of searches, and those of them that were clicked and purchased.',
    });
  }

  stored(event: ProductEvent, place: FunnelPlace): void {
    this.recommendations.stored(event, place);
    this.searches.stored(event, place);
  }
}

type Answers<Source extends string> = {
  readonly attribution: Attribution<Source>;
  /** Remembers what an answer shows, and returns the id of the answer. */
  shown(items: readonly ShownProduct<Source>[], before?: number): string;
  stored(event: ProductEvent, place: FunnelPlace): void;
};

type AnswersOptions = {
  /** The member of an event that names the answer from which it follows. */
  readonly member: 'recommendation_id' | 'query_id';
  readonly name: string;
  readonly help: string;
};

function answersOf<Source extends string>(
  series: MetricSeries,
  from: readonly Source[],
  { member, name, help }: AnswersOptions,
): Answers<Source> {
  const counter = series.counter(name, help, ['source', 'place', 'outcome']);
  for (const source of from)
    for (const place of placeGroups)
      for (const outcome of attributionOutcomes) counter.inc({ source, place, outcome }, 0);
  const attribution = new Attribution(from, (what) => counter.inc(what));
  const quoted = `"${member}"`;
  return {
    attribution,
    shown(items, before = 0) {
      const id = crypto.randomUUID();
      attribution.shown(id, items, before);
      return id;
    },
    /** Called for every stored event, so it parses only those that may carry an id. */
    stored({ product, payload }, place) {
      if (product === null || !payload.includes(quoted)) return;
      const { [member]: id }: Partial<Record<typeof member, unknown>> = JSON.parse(payload);
      if (typeof id === 'string') attribution.happened(id, product.id, place);
    },
  };
}
