// The texts on which the shipped model's graphs are made and measured: single words, short queries,
// products in many languages, long texts. Prints one group, one JSON string a line:
//
//   node scripts/fidelity-texts.ts calibration > calibration.jsonl

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { at } from '#core/errors/assert.ts';
import { productText } from '#core/event/text.ts';
import { openCatalogue, products } from '../cli/generator/catalogue.ts';

const { model } = z
  .object({ model: z.object({ vocab: z.record(z.string(), z.int()) }) })
  .parse(JSON.parse(readFileSync('models/all-MiniLM-L6-v2/tokenizer.json', 'utf8')));
const words = Object.entries(model.vocab)
  .toSorted(([, a], [, b]) => a - b)
  .map(([word]) => word)
  .filter((word) => /^[a-z]{3,}$/.test(word));
/** One word in eleven is for calibration; the others are for measuring. */
const forCalibration = (_: string, index: number): boolean => index % 11 === 3;
const known = words.filter(forCalibration);
const unseen = words.filter((word, index) => !forCalibration(word, index));

/** Of two and three words. */
const queries = (from: readonly string[], count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    Array.from({ length: 2 + (index % 2) }, (_unused, n) =>
      at(from, (index * 97 + n * 1_409) % from.length),
    ).join(' '),
  );
const productTexts = (seed: number, count: number): string[] =>
  products(openCatalogue(seed), count).map(productText);
/** About 200 tokens each: different products, or one product again and again. */
const longTexts = (seed: number, count: number): string[] => {
  const texts = productTexts(seed, 6 * count);
  return Array.from({ length: count }, (_, n) =>
    Array.from({ length: 6 }, (_unused, k) => at(texts, 6 * n + (n % 2) * k)).join(' '),
  );
};

/** By name. No measured text is among those of the calibration. */
export const fidelityTexts: Readonly<Record<string, readonly string[]>> = {
  calibration: [
    ...known,
    ...queries(known, 700),
    ...productTexts(3, 240),
    ...longTexts(4, 28),
    'a',
    '1',
    '42',
    '10 kg',
    'USB-C 2.1',
    'SKU 00018-A/41',
    '!',
    '75 %',
  ],
  'single-words': Array.from({ length: 8_000 }, (_, n) =>
    at(unseen, Math.floor((n * unseen.length) / 8_000)),
  ),
  'short-queries': queries(unseen, 500),
  'product-texts': productTexts(11, 500),
  'long-texts': longTexts(12, 40),
};

if (import.meta.main)
  for (const text of fidelityTexts[process.argv[2] ?? ''] ?? []) console.log(JSON.stringify(text));
