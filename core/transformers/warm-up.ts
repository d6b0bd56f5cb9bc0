// Lets an embedder into service: its golden texts must come out right, and its speed is measured on
// texts like the stream's.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Golden } from '#core/model/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import { goldenVerdict, type GoldenBounds, type GoldenVerdict } from '#core/trust/golden.ts';
import { cosine } from '#core/vectors/vector.ts';
import { sampleTexts } from './sample-texts.ts';

/** The session answers, but wrongly. Only another dtype or device helps. */
export class WrongVectorsError extends VectorStreamError {
  override readonly name = 'WrongVectorsError';
  readonly code = 'wrong_vectors';
  readonly retryable = false;
}

/**
 * Two micro-batches of a processor are enough to tell its speed, and little enough for a quick
 * start.
 */
const textsAtLeast = 32;
const textsFirst = 4;
/** What one job may have. */
const textsMost = 512;
const roundMsMin = 100;

/** The cosines of all golden texts held to the bounds; a text without a vector counts as NaN. */
export async function checkGolden(
  embedder: Embedder,
  golden: Golden,
  bounds: GoldenBounds,
): Promise<GoldenVerdict> {
  const outcomes = await embedder.embed(golden.cases.map(({ text }) => text));
  return goldenVerdict(
    golden.cases.map(({ vector }, index) => {
      const outcome = outcomes[index];
      return outcome?.ok ? cosine(outcome.vector, vector) : NaN;
    }),
    bounds,
  );
}

/**
 * Texts per second, of the best round. Rounds grow until one takes `roundMsMin`, to the size of the
 * jobs that such a session gets: a GPU shows its speed only with hundreds of texts, and one that
 * the processor emulates takes seconds for four. Ends after `budgetMs`, not before 32 texts in a
 * round unless fewer took long enough. `now` in ms.
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
 * The same embedder, proved and with its measured speed. @throws WrongVectorsError with the
 * figures.
 */
export async function warmUp(
  embedder: Embedder,
  golden: Golden,
  bounds: GoldenBounds,
  budgetMs: number,
): Promise<{ embedder: Embedder; verdict: GoldenVerdict }> {
  const verdict = await checkGolden(embedder, golden, bounds);
  const { device, dtype } = embedder.info;
  if (!verdict.ok) throw new WrongVectorsError(`${dtype} on ${device}: ${verdict.message}`);
  const textsPerSecond = await measureSpeed(embedder, budgetMs);
  return {
    verdict,
    embedder: {
      info: { ...embedder.info, textsPerSecond },
      embed: (texts) => embedder.embed(texts),
      [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
    },
  };
}
