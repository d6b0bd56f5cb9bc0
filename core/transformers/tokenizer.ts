// Loads a model's tokenizer, with a normaliser that gives the token ids of the reference.

import { AutoTokenizer, type PreTrainedTokenizer } from '@huggingface/transformers';
import { bertNormaliser } from '#core/model/bert-normaliser.ts';

/** `name`: as transformers.js finds the model's folder in its `env`. */
export async function loadTokenizer(name: string): Promise<PreTrainedTokenizer> {
  const tokenizer = await AutoTokenizer.from_pretrained(name);
  const { _tokenizerJSON: json, _tokenizer: inner } = tokenizer;
  const normalizer = bertNormaliser(json.normalizer);
  // The package calls it like a function, once for each part between special tokens.
  if (normalizer !== null) Object.assign(inner, { normalizer });
  return tokenizer;
}
