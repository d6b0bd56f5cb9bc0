// Reads a typed or pasted list into products, within bounds, and says in plain words what was left
// out.

import { normaliseText, productText } from '#core/event/text.ts';
import { formatCount } from '../shared/format.ts';

export type ListedProduct = {
  readonly name: string;
  readonly category: string | null;
  readonly description: string | null;
  /** The text to embed, built as the gateway builds it. Unique within its list. */
  readonly text: string;
};

export type ProductList = {
  readonly products: readonly ListedProduct[];
  /** Sentences on lines that were cut or left out; empty when all lines were read whole. */
  readonly notes: readonly string[];
  /**
   * What the text field should hold from now on: the list itself, or the part within the bounds,
   * which a browser can lay out quickly.
   */
  readonly kept: string;
};

export const productsMax = 1000;
export const productCharsMax = 500;
export const listCharsMax = 1_000_000;

/**
 * Reads one product per line: `name`, `name, category` or `name, category, description`. Tabs
 * separate parts as well (cells copied from a spreadsheet); a part with a separator stands in
 * quotes. A first line that names these columns is skipped.
 *
 *     readProducts('Kettle, Kitchen, 1.7 l, steel').products[0]?.text;
 *     // 'Kettle, Kitchen: 1.7 l, steel'
 */
export function readProducts(list: string): ProductList {
  const read = list.slice(0, listCharsMax);
  const lines = linesOf(read);
  if (/^"?name"?\s*[,\t]\s*"?category"?/i.test(lines[0] ?? '')) lines.shift();

  const products = new Map<string, ListedProduct>();
  let taken = 0;
  let cut = 0;
  let repeated = 0;
  for (const line of lines) {
    if (products.size === productsMax) break;
    taken += 1;
    const product = productOf(shorten(line));
    if (product === null) continue;
    if (products.has(product.text)) repeated += 1;
    else if (line.length > productCharsMax) cut += 1;
    if (!products.has(product.text)) products.set(product.text, product);
  }
  const isWhole =
    list.length === read.length &&
    taken === lines.length &&
    lines.every((line) => line.length <= productCharsMax);
  return {
    products: [...products.values()],
    notes: notesOn({ chars: list.length, lines: lines.length, taken, cut, repeated }),
    kept: isWhole ? list : lines.slice(0, taken).map(shorten).join('\n'),
  };
}

function notesOn({
  chars,
  lines,
  taken,
  cut,
  repeated,
}: Readonly<Record<'chars' | 'lines' | 'taken' | 'cut' | 'repeated', number>>): string[] {
  const [charsText, charsMaxText] = [formatCount(chars), formatCount(listCharsMax)];
  const cutLines = cut === 1 ? 'One line is' : `${formatCount(cut)} lines are`;
  const repeatedLines =
    repeated === 1
      ? 'One line repeats another and is'
      : `${formatCount(repeated)} lines repeat another and are`;
  return [
    ...(chars > listCharsMax
      ? [`Only the first ${charsMaxText} of ${charsText} characters are read.`]
      : []),
    ...(cut > 0 ? [`${cutLines} longer than ${productCharsMax} characters and cut there.`] : []),
    ...(repeated > 0 ? [`${repeatedLines} left out.`] : []),
    ...(taken < lines
      ? [
          `The list has ${formatCount(lines)} lines; ` +
            `the first ${formatCount(productsMax)} products are taken.`,
        ]
      : []),
  ];
}

/** All lines that are not blank. */
function linesOf(text: string): string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).filter((line) => line.trim() !== '');
}

/** Never cuts a character in two. */
function shorten(line: string): string {
  return line.length <= productCharsMax
    ? line
    : line.slice(0, productCharsMax).replace(/[\uD800-\uDBFF]$/, '');
}

/** `null` for a line without a name. */
function productOf(line: string): ListedProduct | null {
  const [name = '', category = '', description = ''] = partsOf(line).map(normaliseText);
  if (name === '') return null;
  const product = { name, category: category || null, description: description || null };
  return { ...product, text: productText(product) };
}

/** Cuts a line into at most three parts: the third has everything after the second separator. */
function partsOf(line: string): string[] {
  const separator = line.includes('\t') ? '\t' : ',';
  const parts: string[] = [];
  let rest = line.trimStart();
  while (parts.length < 2) {
    const quoted = /^"((?:[^"]|"")*)"\s*/.exec(rest);
    const after = rest.indexOf(separator, quoted === null ? 0 : quoted[0].length);
    // A quote that never closes, or that closes before the part ends, is an ordinary character.
    const isWhole =
      quoted !== null && (after === quoted[0].length || rest.length === quoted[0].length);
    const end = isWhole ? after : rest.indexOf(separator);
    parts.push(isWhole ? unquote(quoted[1] ?? '') : end === -1 ? rest : rest.slice(0, end));
    if (end === -1) return parts;
    rest = rest.slice(end + 1).trimStart();
  }
  const quoted = /^"((?:[^"]|"")*)"\s*$/.exec(rest);
  return [...parts, quoted === null ? rest : unquote(quoted[1] ?? '')];
}

const unquote = (part: string): string => part.replaceAll('""', '"');
