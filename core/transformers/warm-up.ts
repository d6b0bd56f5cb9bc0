// Lets an embedder into service: its golden texts must come out right, and its speed is measured on texts like the stream's.

import { VectorStreamError } from '../errors.ts';
import { goldenVerdict, type GoldenBounds, type GoldenVerdict } from '../golden.ts';
import type { Golden } from '../model-manifest.ts';
import type { Embedder } from '../ports.ts';
import { cosine } from '../vector.ts';
import { sampleTexts } from './sample-texts.ts';

/** The session answers, but wrongly. Only another dtype or device helps. */
export class WrongVectorsError extends VectorStreamError {
  override readonly name = 'WrongVectorsError';
  readonly code = 'wrong_vectors';
  readonly retryable = false;
}

/** Two micro-batches of a processor: enough to tell the speed, little enough for a quick start. */
const textsPerMeasurement = 32;

/** The cosines of all golden texts held to the bounds; a text without a vector counts as NaN. */
export async function checkGolden(embedder: Embedder, golden: Golden, bounds: GoldenBounds): Promise<GoldenVerdict> {
  const outcomes = await embedder.embed(golden.cases.map(({ text }) => text));
  return goldenVerdict(golden.cases.map(({ vector }, index) => {
    const outcome = outcomes[index];
    return outcome?.ok ? cosine(outcome.vector, vector) : NaN;
  }), bounds);
}

/** Texts per second, best of as many rounds as fit into `budgetMs` (at least one). */
async function measureSpeed(embedder: Embedder, budgetMs: number): Promise<number> {
  const texts = sampleTexts(textsPerMeasurement);
  const started = performance.now();
  let best = 0;
  do {
    const round = performance.now();
    await embedder.embed(texts);
    best = Math.max(best, textsPerMeasurement * 1000 / (performance.now() - round));
  } while (performance.now() - started < budgetMs);
  return best;
}

/** A session whose golden texts took longer has been measured by them: on a GPU that the processor emulates, sample texts would take a minute. */
const patienceMs = 10_000;

/** The same embedder, proved and with its measured speed. @throws WrongVectorsError with the figures. */
export async function warmUp(embedder: Embedder, golden: Golden, bounds: GoldenBounds, budgetMs: number): Promise<{ embedder: Embedder; verdict: GoldenVerdict }> {
  const startedAt = performance.now();
  const verdict = await checkGolden(embedder, golden, bounds);
  const goldenMs = performance.now() - startedAt;
  const { device, dtype } = embedder.info;
  if (!verdict.ok) throw new WrongVectorsError(`${dtype} on ${device}: ${verdict.message}`);
  const textsPerSecond = goldenMs > patienceMs ? golden.cases.length * 1000 / goldenMs : await measureSpeed(embedder, budgetMs);
  return {
    verdict,
    embedder: {
      info: { ...embedder.info, textsPerSecond },
      embed: (texts) => embedder.embed(texts),
      [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
    },
  };
}
