// Texts get the token ids that the reference gives them: Hugging Face's Rust tokenizers.

import { readFileSync } from 'node:fs';
import { AutoTokenizer } from '@huggingface/transformers';
import { beforeAll, describe, expect, test } from 'vitest';
import { bertNormaliser } from '#core/model/bert-normaliser.ts';
import { hasOtherIds } from '#core/model/older-tokenizer.ts';
import { createTokenise, type Tokenise } from '#core/transformers/tokens.ts';
import { shippedModel } from './model-copies.ts';
import { compareIds, shippedTokenise } from './token-ids.ts';
import { tokenizerStrings } from './tokenizer-strings.ts';

const config = {
  type: 'BertNormalizer',
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
};
let tokenise: Tokenise;
beforeAll(async () => {
  tokenise = await shippedTokenise();
});

describe('the shipped tokenizer', () => {
  test('gives every string the ids of the reference, a sixteenth of 122,000 here', () => {
    const { compared, differing } = compareIds(tokenise, 16);
    expect(compared).toBeGreaterThan(7_600);
    expect(differing).toEqual([]);
  });

  test.each([
    ['ΚΑΦΕΣ', [101, 1164, 14608, 29736, 29723, 29733, 102]],
    ['a𠮷b', [101, 1037, 100, 1038, 102]],
  ])('gives %s the ids that Python prints', (text, ids) => {
    expect(tokenise([text])[0]?.ids).toEqual(ids);
  });

  test('differs from that of older versions only where `hasOtherIds` says so', async () => {
    const older = createTokenise(await AutoTokenizer.from_pretrained(shippedModel), 1_000_000);
    const texts = tokenizerStrings().filter((text, index) => index % 16 === 0 || text.length > 10);
    const few = texts.filter((_, index) => index % 40 === 0);
    const now = tokenise(few);
    const differing = older(few).flatMap(({ ids }, index) =>
      ids.join() === now[index]?.ids.join() ? [] : [few[index] ?? ''],
    );
    expect(differing.length).toBeGreaterThan(50);
    expect(differing.filter((text) => !hasOtherIds(text))).toEqual([]);
  });

  test('keeps the recording of the reference small', () => {
    expect(readFileSync('test/fixtures/token-ids.json').length).toBeLessThan(300_000);
  });
});

describe("the reference's normaliser", () => {
  test.each([
    ['a capital sigma becomes σ, wherever it stands', 'ΟΔΟΣ ΣΑΣ', 'οδοσ σασ'],
    ['an ideograph stands alone, beyond U+FFFF too', 'a漢𠮷b', 'a 漢  𠮷 b'],
    ['an ideograph that the reference does not know stays', 'a\u{2B820}b', 'a\u{2B820}b'],
    ['accents go, and only then is it lower case', 'ÉİŐ', 'eio'],
    ['control characters go, white space becomes a space', 'a\u0000\u200bb\t\u3000c\n', 'ab  c '],
  ])('%s', (_, text, expected) => {
    expect(bertNormaliser(config)?.(text)).toBe(expected);
  });

  test('does what its settings ask for', () => {
    const bare = { ...config, clean_text: false, handle_chinese_chars: false, lowercase: false };
    expect(bertNormaliser(bare)?.('É\u0000漢')).toBe('É\u0000漢');
    expect(bertNormaliser({ ...bare, strip_accents: true })?.('É')).toBe('E');
    expect(bertNormaliser({ ...config, strip_accents: false })?.('É')).toBe('é');
  });

  test('is left to the package for other kinds of tokenizer', () => {
    expect(bertNormaliser({ type: 'NFC' })).toBeNull();
    expect(bertNormaliser(null)).toBeNull();
  });
});
