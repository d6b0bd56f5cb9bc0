// Turns an event into the text that is embedded, so that the same product or query always gives the
// same text and id.

import type { Document, Product, ProductEvent } from '#core/ports.ts';
import { uuidV5 } from './uuid.ts';

/**
 * How a product reads as text. What stands before a field goes with it when the field is absent:
 *
 *     Kettle, Kitchen: 1.7 l, stainless steel       Kettle: 1.7 l, stainless steel       Kettle
 *
 * The category precedes the description, so that a long description never pushes it past the
 * model's last token. User, time, price and event type are left out: they would make one product
 * into many texts.
 */
const templateParts = [
  { before: '', field: 'name' },
  { before: ', ', field: 'category' },
  { before: ': ', field: 'description' },
] as const;

/**
 * Stands for everything this file does to a text. The index keeps its hash: a change here asks for
 * a new index.
 */
export const textTemplate = `${templateParts.map(({ before, field }) => `${before}{${field}}`).join('')} (NFC, blanks collapsed)`;

/** The document of a valid event: the query of a search that has one, else the product. */
export function documentOf(event: ProductEvent): Document {
  if (event.eventType === 'search' && event.searchQuery !== null) {
    const text = normaliseText(event.searchQuery);
    return { textId: textIdOf(text, 'query'), text, kind: 'query', event };
  }
  const { product } = event;
  if (product === null)
    throw new TypeError(`Event ${event.id} has neither a product nor a search query.`);
  const text = productText(product);
  return { textId: textIdOf(text, 'product'), text, kind: 'product', event };
}

/** A product as it is embedded, normalised. */
export function productText(
  product: Pick<Product, (typeof templateParts)[number]['field']>,
): string {
  let text = '';
  for (const { before, field } of templateParts) {
    const value = product[field];
    if (value !== null) text += text === '' ? value : before + value;
  }
  return normaliseText(text);
}

/**
 * NFC; lone surrogates become U+FFFD; runs of white space and control characters become one space;
 * trimmed. Idempotent.
 */
export function normaliseText(text: string): string {
  return text.toWellFormed().normalize('NFC').replace(blanks, ' ').trim();
}

/**
 * UUIDv5 of a normalised text. A query that reads like a product is another text: only products are
 * found by default.
 */
export function textIdOf(text: string, kind: Document['kind'] = 'product'): string {
  return uuidV5(text, namespaces[kind]);
}

const namespaces: Readonly<Record<Document['kind'], string>> = {
  product: uuidV5('product'),
  query: uuidV5('query'),
};

/** Matches what must change: a lone plain space, by far the most common blank, is left alone. */
const blanks = /[\s\p{Cc}]{2,}|[^\S ]|\p{Cc}/gu;
