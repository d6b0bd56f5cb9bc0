// Normalises a text exactly as the BERT normaliser of Hugging Face's Rust tokenizers 0.23 does, so
// that its token ids are those that the model was trained with.

import { z } from 'zod';

/** The normaliser's part of a `tokenizer.json`. */
const configSchema = z.object({
  type: z.literal('BertNormalizer'),
  clean_text: z.boolean(),
  handle_chinese_chars: z.boolean(),
  /** `null`: as `lowercase` is. */
  strip_accents: z.boolean().nullish(),
  lowercase: z.boolean(),
});

export type Normalise = (text: string) => string;

/**
 * `null` for a tokenizer with another normaliser.
 *
 * It differs from the normaliser of `@huggingface/tokenizers` 0.2 for two kinds of text. Lower case
 * is found for each character alone, so that a Greek word ends in σ and not in ς. Ideographs beyond
 * U+FFFF stand alone like all others.
 *
 *     bertNormaliser(config)?.('ΚΑΦΕΣ 𩸽'); // 'καφεσ  𩸽 '
 */
export function bertNormaliser(config: unknown): Normalise | null {
  const parsed = configSchema.safeParse(config);
  if (!parsed.success) return null;
  const { clean_text, handle_chinese_chars, strip_accents, lowercase } = parsed.data;
  const steps: readonly Normalise[] = [
    ...(clean_text ? [cleaned] : []),
    ...(handle_chinese_chars ? [withIdeographsApart] : []),
    ...((strip_accents ?? lowercase) ? [withoutAccents] : []),
    ...(lowercase ? [inLowerCase] : []),
  ];
  return (text) => steps.reduce((done, step) => step(done), text);
}

const cleaned: Normalise = (text) =>
  text.replaceAll(noText, '').replaceAll(/\p{White_Space}/gu, ' ');
/** NUL, U+FFFD, and control, format, private and surrogate characters, but not white space. */
const noText = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD]/gu;

const withIdeographsApart: Normalise = (text) => text.replaceAll(ideograph, ' $& ');
const ideograph = new RegExp(
  '[\\u3400-\\u4DBF\\u4E00-\\u9FFF\\uF900-\\uFAFF\\u{20000}-\\u{2A6DF}' +
    '\\u{2A700}-\\u{2B81F}\\u{2B920}-\\u{2CEAF}\\u{2F800}-\\u{2FA1F}]',
  'gu',
);

const withoutAccents: Normalise = (text) => text.normalize('NFD').replaceAll(/\p{Mn}/gu, '');

/** Character by character: `String.toLowerCase` on a whole word knows a final sigma. */
const inLowerCase: Normalise = (text) =>
  text.includes('Σ')
    ? text
        .split('Σ')
        .map((part) => part.toLowerCase())
        .join('σ')
    : text.toLowerCase();
