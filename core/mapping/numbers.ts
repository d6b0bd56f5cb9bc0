// Reads the numbers of a column, with the file's decimal sign, thousands separators and currency
// signs.

export type Decimal = 'point' | 'comma';

/** Indian grouping too: `12,34,567.50`. */
const plain: Readonly<Record<Decimal, RegExp>> = {
  point: /^[+-]?(\d+|\d{1,3}([, '’]\d{3})+|\d{1,2}(,\d{2})+,\d{3})?(\.\d+)?(e[+-]?\d+)?$/i,
  comma: /^[+-]?(\d+|\d{1,3}([. '’]\d{3})+)?(,\d+)?(e[+-]?\d+)?$/i,
};

/** A sign such as ₹, a code such as EUR, or a word of shops: `Rs. 99`, `99 kr.`, `12 zł`. */
const currencies = [
  String.raw`\p{Sc}`,
  String.raw`(?:US|A|C|NZ|HK|S|R)\$`,
  '[A-Z]{3}',
  String.raw`(?:Rs|kr|Fr|руб|р)\.?`,
  'zł|zl|Kč|Ft|lei|TL|円|元',
];
const currency = `(?:${currencies.join('|')})`;
const currencyBefore = new RegExp(`^([+-]?)\\s*${currency}\\s*`, 'u');
const currencyAfter = new RegExp(`\\s*${currency}$`, 'u');

/** `null` when the text is not a finite number in this notation. */
export function readNumber(text: string, decimal: Decimal): number | null {
  if (decimal === 'point' && plainNumber.test(text)) return finite(Number(text));
  const bare = text
    .replaceAll('\u00A0', ' ')
    .replaceAll('\u202F', ' ')
    .trim()
    .replace(currencyBefore, '$1')
    .replace(currencyAfter, '');
  if (!/\d/.test(bare) || !plain[decimal].test(bare)) return null;
  const joined = bare.replace(decimal === 'point' ? /[, '’]/g : /[. '’]/g, '');
  return finite(Number(decimal === 'comma' ? joined.replace(',', '.') : joined));
}

/** The form of almost all numbers. */
const plainNumber = /^-?\d+(\.\d+)?$/;
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/**
 * The decimal sign with which more texts of the sample are numbers; point when both fit equally.
 * `1,234` and `1.234` fit both. A separator that is not followed by exactly three digits decides.
 */
export function detectDecimal(sample: readonly string[]): Decimal {
  let [point, comma] = [0, 0];
  for (const text of sample) {
    const asPoint = readNumber(text, 'point');
    const asComma = readNumber(text, 'comma');
    if (asPoint !== null && asComma === null) point += 1;
    if (asComma !== null && asPoint === null) comma += 1;
  }
  return comma > point ? 'comma' : 'point';
}
