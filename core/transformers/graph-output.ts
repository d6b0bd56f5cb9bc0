// Finds out what a graph outputs, so that a manifest can be drafted for a model without one.

import { Tensor } from '@huggingface/transformers';
import { loadSession, SessionError, type ModelSessionOptions } from './model-session.ts';
import { createTokenise, tensorsOf } from './tokens.ts';

export type GraphOutput = {
  /** One vector per text, or one per token, which must be pooled. */
  readonly name: 'sentence_embedding' | 'last_hidden_state';
  readonly dimensions: number;
};

/**
 * Runs the graph on one text. If the graph has both outputs, its own pooled vectors are chosen.
 *
 * @throws SessionError
 */
export async function graphOutputOf(options: ModelSessionOptions): Promise<GraphOutput> {
  const { tokenizer, run, dispose } = await loadSession(options);
  try {
    const { inputs } = tensorsOf(
      createTokenise(tokenizer, tokensMax)(['garden hose']).map(({ ids }) => ids),
      tokenizer.pad_token_id ?? 0,
    );
    const outputs = await run(inputs);
    for (const name of ['sentence_embedding', 'last_hidden_state'] as const) {
      const tensor = outputs.get(name);
      const dimensions = tensor instanceof Tensor ? tensor.dims.at(-1) : undefined;
      if (dimensions !== undefined) return { name, dimensions };
    }
    throw new SessionError(
      `${options.modelId} is no model for embeddings that VectorStream can use: ` +
        `its graph ${options.file} has neither sentence_embedding nor last_hidden_state ` +
        `among its outputs (${[...outputs.keys()].join(', ')}).`,
    );
  } finally {
    await dispose();
  }
}

/** More than the text has. */
const tokensMax = 32;
