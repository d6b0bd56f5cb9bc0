// Reads a product of a catalogue as a shop sends it.

import type { z } from 'zod';
import type { CatalogueWrite } from '#core/ports.ts';
import { wireCatalogueProductSchema } from './event-schema.ts';
import { printable } from './json-guard.ts';
import { textIdOf } from './text-id.ts';
import { productText } from './text.ts';
import { parseTimestamp } from './timestamp.ts';
import { visibleText } from './visible-text.ts';

export type ReadProduct =
  | { readonly ok: true; readonly write: CatalogueWrite }
  | { readonly ok: false; readonly id: string | null; readonly message: string };

/** @param now UTC ms; a version may be at most `aheadMsMax` later */
export function readCatalogueProduct(
  value: unknown,
  { now, aheadMsMax }: { readonly now: number; readonly aheadMsMax: number },
): ReadProduct {
  const parsed = wireCatalogueProductSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    if (issue?.code === 'unrecognized_keys')
      return {
        ok: false,
        id: idOf(value),
        message: `${issue.keys.join(', ').slice(0, 100)}: not known; put it into attributes`,
      };
    const path = printable(issue?.path.map(String).join('.') ?? '', 300);
    const message = `${path === '' ? '' : `${path}: `}expected ${issue?.message ?? 'a product'}`;
    return { ok: false, id: idOf(value), message };
  }
  const updatedAt = versionOf(parsed.data.updated_at, now);
  if (updatedAt > now + aheadMsMax)
    return {
      ok: false,
      id: idOf(value),
      message: `updated_at: ${parsed.data.updated_at} is ahead`,
    };
  return { ok: true, write: writeOf(parsed.data, updatedAt) };
}

function writeOf(
  sent: z.output<typeof wireCatalogueProductSchema>,
  updatedAt: number,
): CatalogueWrite {
  const product = {
    id: sent.id,
    name: sent.name,
    description: visibleText(sent.description),
    category: visibleText(sent.category),
    price: sent.price,
    brand: visibleText(sent.brand),
    image: sent.image ?? null,
    url: sent.url ?? null,
    stock: sent.stock ?? null,
    attributes: sent.attributes ?? {},
  };
  return { id: sent.id, updatedAt, product, textId: textIdOf(productText(product)) };
}

/** The version of a write; `now` without one. */
export function versionOf(time: string | null | undefined, now: number): number {
  const parsed = typeof time === 'string' ? parseTimestamp(time) : null;
  return parsed?.ok === true ? parsed.ms : now;
}

function idOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('id' in value)) return null;
  return typeof value.id === 'string' ? value.id.slice(0, 256) : null;
}
