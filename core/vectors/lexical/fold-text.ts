// Splits text into words that are equal however they are spelt: `Café`, `CAFE` and `ｃａｆé` are one
// word.
//
// Nothing is stemmed, because what shortens the words of one language breaks those of another.

/** A long text has no more words than these for search. */
const wordsMax = 512;
/** Longer words are cut. */
const charactersMax = 64;

/**
 * Compatibility forms (full-width, ligatures) become plain ones. Accents, Arabic vowel signs and
 * Hebrew points are dropped; the signs of other scripts, which tell words apart, stay.
 */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replace(marks, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(letters, (letter) => plainLetters[letter] ?? letter)
    .replace(digits, (digit) => String((digit.codePointAt(0) ?? 0) & 15));
}

const marks = /[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]/g;
/** Arabic-Indic digits: the last four bits of each are its value. */
const digits = /[\u0660-\u0669\u06f0-\u06f9]/g;
const plainLetters: Readonly<Record<string, string>> = {
  ı: 'i',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ς: 'σ',
  ى: 'ي',
  ی: 'ي',
  ة: 'ه',
  ک: 'ك',
};
const letters = new RegExp(`[${Object.keys(plainLetters).join('')}]`, 'g');

/**
 * The words of a text in their order, folded. A run that is written without blanks is also one
 * word, because people type it either way: `T-light` gives `t`, `light` and `tlight`. Scripts that
 * put no blanks between words give every pair of neighbouring characters.
 */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  for (const [run] of foldText(text).replace(apostrophes, '').matchAll(runs)) {
    const parts = run.match(word) ?? [];
    words.push(...parts.flatMap(pairsOrWord));
    if (parts.length > 1 && run.length <= charactersMax) words.push(parts.join(''));
    if (words.length >= wordsMax) break;
  }
  return words.slice(0, wordsMax);
}

/** The same without the joined words: `T-light` gives `t` and `light`, as `T light` does. */
export const plainWordsOf = (text: string): readonly string[] => wordsOf(text.replace(joints, ' '));

const joints = /[._/#+-]/g;
const apostrophes = /['’ʼ`]/g;
const runs = /[\p{L}\p{N}][\p{L}\p{M}\p{N}._/#+-]*/gu;
const word = /[\p{L}\p{M}\p{N}]+/gu;

function pairsOrWord(part: string): readonly string[] {
  return part.split(unspacedRuns).flatMap((piece) => {
    if (piece === '') return [];
    if (!unspaced.test(piece)) return [piece.slice(0, charactersMax)];
    const characters = Array.from(piece);
    return characters.length === 1
      ? characters
      : characters.slice(1).map((character, at) => `${characters[at]}${character}`);
  });
}

const unspacedScripts = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
  .map((script) => String.raw`\p{Script=${script}}`)
  .join('');
/** Keeps the runs that it splits by. The long vowel mark belongs to no script. */
const unspacedRuns = new RegExp(`([${unspacedScripts}ー]+)`, 'u');
const unspaced = new RegExp(`^[${unspacedScripts}ー]`, 'u');
