// Strings in many scripts, the same ones every time, for which the reference's token ids are
// recorded. Run as a program, it prints them as JSON, one a line.

import { at } from '#core/errors/assert.ts';
import { sampleTexts } from '#core/transformers/sample-texts.ts';

/** First and last code point, and the step: every one, or a share of a large block. */
const blocks = [
  [0x0, 0x33ff, 1],
  [0x3400, 0x4dbf, 8],
  [0x4dc0, 0x4dff, 1],
  [0x4e00, 0x9fff, 8],
  [0xa000, 0xabff, 1],
  [0xac00, 0xd7a3, 16],
  [0xd7a4, 0xd7ff, 1],
  [0xe000, 0xf8ff, 64],
  [0xf900, 0x1fbff, 1],
  [0x1fc00, 0x323af, 8],
  [0xe0000, 0xe01ff, 1],
  [0xf0000, 0x10ffff, 1024],
] as const;
/** The borders of the ranges of ideographs, which fall between the steps. */
const borders = [
  0x33ff, 0x3400, 0x4dbf, 0x4dc0, 0x4dff, 0x4e00, 0x9fff, 0xa000, 0x1ffff, 0x20000, 0x2a6df,
  0x2a6e0, 0x2a6ff, 0x2a700, 0x2b73f, 0x2b740, 0x2b81f, 0x2b820, 0x2b91f, 0x2b920, 0x2ceaf, 0x2ceb0,
  0x2f7ff, 0x2f800, 0x2fa1f, 0x2fa20, 0x30000, 0x3134a, 0x31350, 0x323af,
];

const pieces = [
  'kettle',
  'Wireless',
  'HEADPHONES',
  'naïve',
  'Crème',
  'brûlée',
  'Ångström',
  'SMØRREBRØD',
  'ΚΑΦΕΣ',
  'ΚΑΦΕΣ ΕΛΛΗΝΙΚΟΣ',
  'ΑΘΛΗΤΙΚΟΣ ΣΑΚΟΣ',
  'Σ',
  'σς',
  'ΟΔΟΣ.',
  'ΦΑΚΟΣ LED ΜΑΥΡΟΣ',
  'ΣΑΣ-ΟΣ',
  '叱る 𠮟る',
  '𩸽の干物',
  'a𠮷b',
  '𠮷野家',
  '漢字',
  'かな',
  'カタカナ',
  'が',
  'か\u3099',
  '한국어',
  '한',
  'İSTANBUL',
  'ıI',
  'ŞİŞE',
  'straße',
  'STRASSE',
  'ẞ',
  'ﬁn',
  'Ǆ',
  'ŉ',
  'ΐ',
  'ŐŰ',
  'Đà Nẵng',
  'Привет',
  'ЁЛКА',
  'Київ',
  'שלום',
  'שָׁלוֹם',
  'مرحبا',
  'مَرْحَبًا',
  'สวัสดี',
  'नमस्ते',
  'தமிழ்',
  'ქართული',
  '😀',
  '👩‍👩‍👧',
  '🇬🇷',
  '☕️',
  '❤',
  '©',
  '™',
  '½',
  '²',
  '€5',
  '¥1,000',
  '5″',
  '100%',
  '#1',
  '@x',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  '[UNK]',
  '[PAD]',
  '[cls]',
  '[ CLS ]',
  '##ing',
  '[CLS',
  'x[SEP]y',
  '\u0000',
  '\u0007',
  '\t',
  '\n',
  '\r\n',
  '\u000b',
  '\u0085',
  '\u00a0',
  '\u00ad',
  '\u200b',
  '\u200d',
  '\u2028',
  '\u3000',
  '\ufeff',
  '\ufffd',
  '\u202e',
  '\ue000',
  '\u{e0041}',
  '\u0301',
  'e\u0301\u0323',
  '...',
  '—',
  '«',
  '»',
  '“',
  '”',
  '„',
  '、',
  '。',
  '！',
  '￥',
  '_',
  '-',
  '/',
  '\\',
  '|',
  '`',
  "'s",
  '"',
  '1',
  '42',
  '3.14',
  '2026-11-30',
  'USB-C',
  'A4',
  'x2',
  '12V/24V',
  'SKU_00019',
  'don’t',
  "can't",
];
const separators = ['', ' ', ' ', ' ', '  ', ', ', '-', '/', '\u00a0', '\u200b', '.'];
const mixedCount = 24_000;

export function tokenizerStrings(): readonly string[] {
  return [...characters(), ...longWords(), ...mixed(), ...sampleTexts(1000)];
}

function characters(): readonly string[] {
  const all = blocks.flatMap(([first, last, step]) =>
    Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step),
  );
  return [...all, ...borders].map((codePoint) => `a${String.fromCodePoint(codePoint)}b`);
}

/** A word of more than 100 characters is unknown as a whole. */
function longWords(): readonly string[] {
  return ['a', 'é', 'Σ', 'İ', '𝒳', '한', 'e\u0301', '😀'].flatMap((letter) =>
    [50, 99, 100, 101, 102, 200, 400].flatMap((count) => [
      letter.repeat(count),
      `x ${letter.repeat(count)}. y`,
    ]),
  );
}

/** One to eight pieces in a random order. */
function mixed(): readonly string[] {
  let state = 1;
  const below = (limit: number): number => {
    // mulberry32: short, and the same on every machine.
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) % limit;
  };
  const one = (from: readonly string[]): string => at(from, below(from.length));
  return Array.from({ length: mixedCount }, () =>
    Array.from({ length: 1 + below(8) }, () => one(pieces) + one(separators)).join(''),
  );
}

if (import.meta.main) {
  for (const text of tokenizerStrings()) console.log(JSON.stringify(text));
}
