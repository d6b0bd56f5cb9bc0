// Embeds a job's texts and checks the answer, so that a runner never sends a vector that is not a
// valid one.

import type { EmbedOutcome, Embedder } from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';

/** One outcome per text, in order. Throws when the embedder throws, or when its answer is wrong. */
export async function checkedEmbed(
  embedder: Embedder,
  texts: readonly string[],
): Promise<readonly EmbedOutcome[]> {
  const outcomes = await embedder.embed(texts);
  if (outcomes.length !== texts.length) {
    throw new Error(`The embedder answered ${outcomes.length} outcomes for ${texts.length} texts.`);
  }
  for (const outcome of outcomes) {
    const problem = outcome.ok ? vectorProblem(outcome.vector, embedder.info.dimensions) : null;
    if (problem !== null) throw new Error(`The embedder made an invalid vector: ${problem}.`);
  }
  return outcomes;
}
