// Turns texts into token ids, cut to the model's maximum, and batches of token ids into the tensors
// that a graph takes.

import { Tensor, type PreTrainedTokenizer } from '@huggingface/transformers';

/** `tokens`: how many the whole text has, before it is cut. */
export type Tokenised = { readonly ids: readonly number[]; readonly tokens: number };
export type Tokenise = (texts: readonly string[]) => readonly Tokenised[];

/**
 * Token ids of each text, special tokens included, at most `maxTokens`. A text that is cut keeps
 * its closing special token, as the model was trained (the tokenizer's own truncation drops it).
 * Lone surrogates become U+FFFD.
 */
export function createTokenise(tokenizer: PreTrainedTokenizer, maxTokens: number): Tokenise {
  const encode = (texts: string[]): number[][] =>
    texts.length === 0
      ? []
      : tokenizer(texts, { padding: false, truncation: false, return_tensor: false }).input_ids;
  const [empty = [], letter = []] = encode(['', 'a']);
  const closing = empty.at(-1) === letter.at(-1) ? empty.slice(-1) : [];
  const cut = (ids: number[]): Tokenised => ({
    ids: ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - closing.length), ...closing],
    tokens: ids.length,
  });
  return (texts) => encode(texts.map((text) => text.toWellFormed())).map(cut);
}

/** `input_ids` and `attention_mask`: int64, `[texts, longest]`, padded right with `padId`. */
export function tensorsOf(
  rows: readonly (readonly number[])[],
  padId: number,
): { padded: number; inputs: Record<'input_ids' | 'attention_mask', Tensor> } {
  const padded = Math.max(1, ...rows.map((row) => row.length));
  const ids = new BigInt64Array(rows.length * padded).fill(BigInt(padId));
  const mask = new BigInt64Array(rows.length * padded);
  rows.forEach((row, text) => {
    row.forEach((id, position) => {
      ids[text * padded + position] = BigInt(id);
    });
    mask.fill(1n, text * padded, text * padded + row.length);
  });
  const shape = [rows.length, padded];
  return {
    padded,
    inputs: {
      input_ids: new Tensor('int64', ids, shape),
      attention_mask: new Tensor('int64', mask, shape),
    },
  };
}
