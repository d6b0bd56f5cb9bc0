// The settings in the section `recommendations`: how products for visitors are computed.

import { defaultRecommenderSettings as usual } from '#core/analysis/recommender-settings.ts';
import { integer } from '../setting-types.ts';

const live = true;
const dayMs = 24 * 3_600_000;
const percent = (share: number): number => Math.round(share * 100);

export const recommendationsSection = {
  productsMax: integer({
    default: usual.productsMax,
    min: 1,
    max: 100,
    live,
    help: "How many of a visitor's newest products look for similar sessions.",
  }),
  touchesPerProduct: integer({
    default: usual.touchesPerProduct,
    min: 10,
    max: 1000,
    live,
    help: 'How many of the newest events of each of these products are read for their sessions.',
  }),
  sessionsMax: integer({
    default: usual.sessionsMax,
    min: 10,
    max: 1000,
    live,
    help: 'How many of the most similar sessions decide.',
  }),
  touchesPerSession: integer({
    default: usual.touchesPerSession,
    min: 2,
    max: 200,
    live,
    help: 'How many of the newest events of each of these sessions are read.',
  }),
  fadingPercent: integer({
    default: percent(usual.fadingShare),
    min: 0,
    max: 100,
    live,
    help: "How much of a session's weight is lost with its age in the end (percent).",
  }),
  halfLifeDays: integer({
    default: usual.halfLifeMs / dayMs,
    min: 1,
    max: 3650,
    live,
    help: 'The age at which half of that is lost (days).',
  }),
  rarityPercent: integer({
    default: percent(usual.rarity),
    min: 0,
    max: 1000,
    live,
    help:
      'How much more a product counts when it is 2.7 times as rare (percent of the weight of the ' +
      'most frequent product).',
  }),
  meaningPercent: integer({
    default: percent(usual.meaningWeight),
    min: 0,
    max: 1000,
    live,
    help: 'How much a product near in meaning gains, against the best by sessions (percent).',
  }),
  newPercent: integer({
    default: percent(usual.newShare),
    min: 0,
    max: 100,
    live,
    help: 'The share of the places, the last ones, that is kept for products with few events.',
  }),
  newEventsMax: integer({
    default: usual.newEventsMax,
    min: 1,
    max: 10_000,
    live,
    help: 'A product with fewer events than this has few.',
  }),
  newDays: integer({
    default: usual.newAgeMs / dayMs,
    min: 1,
    max: 3650,
    live,
    help: 'It must have an event in this time before the newest event of all (days).',
  }),
} as const;
