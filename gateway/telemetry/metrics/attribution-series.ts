// Counts what came of recommendations, for the metrics and GET /stats/attribution.

import { Attribution, attributionOutcomes, placeGroups } from '#core/analysis/attribution.ts';
import { sources } from '#core/analysis/recommendation-scores.ts';
import type { ProductEvent } from '#core/ports.ts';
import type { MetricSeries } from './metric-series.ts';

export class AttributionSeries {
  readonly attribution: Attribution;

  constructor(series: MetricSeries) {
    const counter = series.counter(
      'recommended_products_total',
      'Products in recommendations, and those of them that were clicked and purchased.',
      ['source', 'place', 'outcome'],
    );
    for (const source of sources)
      for (const place of placeGroups)
        for (const outcome of attributionOutcomes) counter.inc({ source, place, outcome }, 0);
    this.attribution = new Attribution((what) => counter.inc(what));
  }

  /** Called for every stored event, so it parses only those that may carry an id. */
  stored({ eventType, product, payload }: ProductEvent): void {
    if (product === null || !payload.includes('"recommendation_id"')) return;
    const { recommendation_id: id }: { recommendation_id?: unknown } = JSON.parse(payload);
    if (typeof id === 'string') this.attribution.happened(id, product.id, eventType);
  }
}
