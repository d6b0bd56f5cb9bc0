// Turns an event into the text to embed. The same product or query always gives the same text and
// id.

import type { Document, Product, ProductEvent } from '#core/ports.ts';
import { textIdOf } from './text-id.ts';

/**
 * How a product becomes text. When a field is absent, so is what stands before it:
 *
 *     Kettle, Kitchen: 1.7 l, stainless steel       Kettle: 1.7 l, stainless steel       Kettle
 *
 * The category precedes the description, so that a long description never pushes it past the
 * model's last token. User, time, price and event type are left out, because they would turn one
 * product into many texts.
 */
const templateParts = [
  { before: '', field: 'name' },
  { before: ', ', field: 'category' },
  { before: ': ', field: 'description' },
] as const;

/**
 * Describes everything that this file does to a text. Its hash is part of the index's identity, so
 * a change here requires a new index.
 */
export const textTemplate =
  templateParts.map(({ before, field }) => `${before}{${field}}`).join('') +
  ' (NFC, blanks collapsed)';

/** The document of a valid event: the query of a search event that has one, else the product. */
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

/** The normalised text of a product, as it is embedded. */
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

/** Matches only blanks that must change. A single space, the most common blank, is left alone. */
const blanks = /[\s\p{Cc}]{2,}|[^\S ]|\p{Cc}/gu;
