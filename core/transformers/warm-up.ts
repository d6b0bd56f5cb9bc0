// Checks an embedder's golden texts and measures its speed, before it embeds for a fleet.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Golden } from '#core/model/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import {
  goldenCosine,
  goldenVerdict,
  type GoldenBounds,
  type GoldenVerdict,
} from '#core/trust/golden.ts';
import { sampleTexts } from './sample-texts.ts';

/** The session answers with wrong vectors. Only another dtype or device can help. */
export class WrongVectorsError extends VectorStreamError {
  override readonly name = 'WrongVectorsError';
  readonly code = 'wrong_vectors';
  readonly retryable = false;
}

/** Two micro-batches of a CPU: enough to measure its speed, few enough for a quick start. */
const textsAtLeast = 32;
const textsFirst = 4;
/** The most texts in one job. */
const textsMost = 512;
const roundMsMin = 100;

/**
 * Compares the cosines of all golden texts with the bounds; a text without a vector fails.
 * `onBatch`: see `Embedder`.
 */
export async function checkGolden(
  embedder: Embedder,
  golden: Golden,
  bounds: GoldenBounds,
  onBatch?: () => void,
): Promise<GoldenVerdict> {
  const outcomes = await embedder.embed(
    golden.cases.map(({ text }) => text),
    onBatch,
  );
  return goldenVerdict(
    golden.cases.map((goldenCase, index) => goldenCosine(outcomes[index], goldenCase)),
    bounds,
  );
}

/**
 * Texts per second of the fastest round. Rounds double in size, up to one job, until one takes
 * `roundMsMin`: a GPU reaches its speed only with hundreds of texts, while a software GPU takes
 * seconds for four. Ends after `budgetMs`, but not before a round of 32 texts, unless a smaller one
 * took `roundMsMin`. `now` in ms.
 */
export async function measureSpeed(
  embedder: Pick<Embedder, 'embed'>,
  budgetMs: number,
  now = (): number => performance.now(),
): Promise<number> {
  const startedAt = now();
  let best = 0;
  for (
    let count = textsFirst, isShort = true;
    now() - startedAt < budgetMs || (isShort && count <= textsAtLeast);
  ) {
    const texts = sampleTexts(count);
    const roundAt = now();
    await embedder.embed(texts);
    const ms = Math.max(now() - roundAt, 0.1);
    best = Math.max(best, (count * 1000) / ms);
    isShort = ms < roundMsMin;
    if (isShort) count = Math.min(2 * count, textsMost);
  }
  return best;
}

/**
 * The same embedder, checked, with its measured speed; `budgetMs`: see `measureSpeed`, and `null`
 * measures none. @throws WrongVectorsError with the cosines and the bounds.
 */
export async function warmUp(
  embedder: Embedder,
  golden: Golden,
  bounds: GoldenBounds,
  budgetMs: number | null,
  onBatch?: () => void,
): Promise<{ embedder: Embedder; verdict: GoldenVerdict }> {
  const verdict = await checkGolden(embedder, golden, bounds, onBatch);
  const { device, dtype } = embedder.info;
  if (!verdict.ok) throw new WrongVectorsError(`${dtype} on ${device}: ${verdict.message}`);
  const textsPerSecond =
    budgetMs === null ? embedder.info.textsPerSecond : await measureSpeed(embedder, budgetMs);
  return {
    verdict,
    embedder: {
      info: { ...embedder.info, textsPerSecond },
      embed: (texts) => embedder.embed(texts),
      [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
    },
  };
}
