// Reads a typed or pasted list into products, bounded, and says in plain words what it left out.

import { normaliseText, productText } from '#core/event/text.ts';

export type ListedProduct = {
  readonly name: string;
  readonly category: string | null;
  readonly description: string | null;
  /** What is embedded, built as the gateway builds it. No two of a list are the same. */
  readonly text: string;
};

export type ProductList = {
  readonly products: readonly ListedProduct[];
  /**
   * What the person should know about lines that were cut or left out; empty when all went in as it
   * is.
   */
  readonly notes: readonly string[];
  /**
   * What a field should go on to hold: the list itself, or as much of it as the bounds let in,
   * which a browser can lay out quickly.
   */
  readonly kept: string;
};

export const productsMax = 1000;
export const productCharsMax = 500;
export const listCharsMax = 1_000_000;

/**
 * One product per line: `name`, `name, category` or `name, category, description`; a tab divides as
 * well as a comma does (cells copied from a spreadsheet), and a part that has one stands in quotes.
 * A first line that names these columns is not a product.
 *
 *     readProducts('Kettle, Kitchen, 1.7 l, steel').products[0]?.text; // 'Kettle, Kitchen: 1.7 l, steel'
 */
export function readProducts(list: string): ProductList {
  const notes: string[] = [];
  const read = list.slice(0, listCharsMax);
  if (list.length > read.length)
    notes.push(
      `Only the first ${spell(listCharsMax)} of ${spell(list.length)} characters are read.`,
    );
  const lines = linesOf(read);
  if (/^"?name"?\s*[,\t]\s*"?category"?/i.test(lines[0] ?? '')) lines.shift();

  const products = new Map<string, ListedProduct>();
  let taken = 0,
    cut = 0,
    repeated = 0;
  for (const line of lines) {
    if (products.size === productsMax) break;
    taken += 1;
    const product = productOf(shorten(line));
    if (product === null) continue;
    if (products.has(product.text)) repeated += 1;
    else if (line.length > productCharsMax) cut += 1;
    if (!products.has(product.text)) products.set(product.text, product);
  }
  if (cut > 0)
    notes.push(
      `${cut === 1 ? 'One line is' : `${spell(cut)} lines are`} longer than ${productCharsMax} characters and cut there.`,
    );
  if (repeated > 0)
    notes.push(
      `${repeated === 1 ? 'One line repeats' : `${spell(repeated)} lines repeat`} another and ${repeated === 1 ? 'is' : 'are'} left out.`,
    );
  if (taken < lines.length)
    notes.push(
      `The list has ${spell(lines.length)} lines; the first ${spell(productsMax)} products are taken.`,
    );
  const isWhole =
    list.length === read.length &&
    taken === lines.length &&
    lines.every((line) => line.length <= productCharsMax);
  return {
    products: [...products.values()],
    notes,
    kept: isWhole ? list : lines.slice(0, taken).map(shorten).join('\n'),
  };
}

/** A count with thousands set apart: `1,000`. */
export const spell = (count: number): string => count.toLocaleString('en');

/** Lines with something on them. */
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

/** At most three parts: what follows the second divider belongs to the third. */
function partsOf(line: string): string[] {
  const divider = line.includes('\t') ? '\t' : ',';
  const parts: string[] = [];
  let rest = line.trimStart();
  while (parts.length < 2) {
    const quoted = /^"((?:[^"]|"")*)"\s*/.exec(rest);
    const after = quoted === null ? rest.indexOf(divider) : rest.indexOf(divider, quoted[0].length);
    // A quote that opens and does not close, or closes before the part ends, is a character like
    // any other.
    const isWhole =
      quoted !== null && (after === quoted[0].length || rest.length === quoted[0].length);
    const end = isWhole ? after : rest.indexOf(divider);
    parts.push(isWhole ? unquote(quoted[1] ?? '') : end === -1 ? rest : rest.slice(0, end));
    if (end === -1) return parts;
    rest = rest.slice(end + 1).trimStart();
  }
  const quoted = /^"((?:[^"]|"")*)"\s*$/.exec(rest);
  return [...parts, quoted === null ? rest : unquote(quoted[1] ?? '')];
}

const unquote = (part: string): string => part.replaceAll('""', '"');
