// Makes texts like those of the stream (about 24 tokens, all different), to measure a session's
// speed.

import { at } from '#core/errors/assert.ts';

const makers = [
  'Nordfell',
  'Auro',
  'Kitewind',
  'Maison Brun',
  'Tessaline',
  'Hoshi',
  'Barrow & Finch',
];
const materials = [
  'stainless steel',
  'merino wool',
  'recycled nylon',
  'oak',
  'ceramic',
  'full-grain leather',
  'bamboo',
  'aluminium',
];
const things = [
  'water bottle',
  'running jacket',
  'desk lamp',
  'chef knife',
  'travel backpack',
  'wireless keyboard',
  'throw blanket',
  'bike light',
  'coffee grinder',
  'phone case',
  'garden chair',
];
const uses = [
  'for daily use at home',
  'made for long journeys',
  'a gift that lasts',
  'light, quiet and easy to clean',
  'tested by professionals',
];
const categories = ['Home & Kitchen', 'Sports & Outdoors', 'Electronics', 'Garden', 'Fashion'];

/** `count` distinct texts, the same ones every time. */
export function sampleTexts(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      `${pick(makers, i)} ${pick(materials, i)} ${pick(things, i)} ${i}. ` +
      `${pick(things, i + 3)}, ${pick(uses, i)}. ${pick(categories, i)}`,
  );
}

function pick(from: readonly string[], index: number): string {
  return at(from, index % from.length);
}
