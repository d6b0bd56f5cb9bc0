// The English part of the shop: most of its products.

import type { Vocabulary } from '../vocabulary.ts';
import { homeAndLeisure } from './english-home-leisure.ts';
import { technologyAndFashion } from './english-technology-fashion.ts';

export const english: Vocabulary = {
  language: 'en',
  share: 0.64,
  offsetMinutes: 0,
  names: [
    '{brand} {style} {noun}, {colour}',
    '{style} {noun} by {brand} in {colour}',
    '{brand} {noun}, {style}, {colour}',
  ],
  descriptions: [
    'With {feature} and {second}, made of {material}, for {use}.',
    'Made of {material} with {feature}; great for {use}.',
    'A favourite for {use}: {feature}, {second}, {material}.',
  ],
  queries: ['{noun}', '{style} {noun}', '{noun} for {use}', '{colour} {noun}'],
  aisles: [...technologyAndFashion, ...homeAndLeisure],
};
