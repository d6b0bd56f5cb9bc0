// A model without weights: every text has one deterministic unit vector, and golden texts to match.

import type { Embedder, EmbedOutcome } from '#core/ports.ts';
import { strictEmbedder } from './strict.ts';

export const dimensions = 8;
export const identity = { modelId: 'fake-model', modelRevision: 'f00d', dimensions };

/** Seeded by the text's characters (FNV-1a and xorshift); the same on every machine. */
export function fakeVector(text: string): Float32Array {
  let seed = 0x811c9dc5;
  for (const char of text) seed = Math.imul(seed ^ (char.codePointAt(0) ?? 0), 0x01000193);
  const values = Array.from({ length: dimensions }, () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 2 ** 32 - 0.5;
  });
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

export const golden = {
  cases: ['red lantern', 'blue chair', 'Wanduhr aus Holz'].map((text) => ({
    text,
    vector: [...fakeVector(text)],
  })),
};

export const bounds = { fp32: { goldenMeanMin: 0.999, goldenMin: 0.999 } };

/** `outcome` decides the result of one text; if it throws, the model session fails. */
export function fakeEmbedder(
  outcome: (text: string) => EmbedOutcome | Promise<EmbedOutcome> = (text) => ({
    ok: true,
    vector: fakeVector(text),
  }),
): Embedder & { readonly embedded: string[] } {
  const embedded: string[] = [];
  const embedder = strictEmbedder({
    info: {
      ...identity,
      device: 'cpu',
      dtype: 'fp32',
      adapter: 'none',
      softwareAdapter: false,
      textsPerSecond: 1000,
    },
    async embed(texts) {
      const outcomes: EmbedOutcome[] = [];
      for (const text of texts) outcomes.push(await outcome(text));
      embedded.push(...texts);
      return outcomes;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  return { ...embedder, embedded };
}
