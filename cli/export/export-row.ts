// One row of an export: a stored text with its vector, who computed it and how many events it has.

import { shortNumbers } from '#core/vectors/vector.ts';
import type { StoredText, TextPage } from '../../client/client.ts';

/** The columns, in their order, as docs/export.md describes them. */
export type ExportRow = {
  readonly text_id: string;
  readonly text: string;
  readonly kind: string;
  readonly product_id: string | null;
  readonly product_name: string | null;
  readonly product_description: string | null;
  readonly product_category: string | null;
  readonly product_price: number | null;
  readonly vector: readonly number[] | null;
  readonly model: string;
  readonly model_revision: string;
  readonly runner_session: string | null;
  readonly runner_name: string | null;
  readonly device: string | null;
  readonly dtype: string | null;
  /** ISO 8601, as `checked_at`. */
  readonly embedded_at: string | null;
  readonly checked_at: string | null;
  readonly events: number;
  readonly events_by_type: Readonly<Partial<Record<string, number>>>;
};

export function exportRow(
  { text_id, text, kind, product, vector, provenance, events }: StoredText,
  model: TextPage['model'],
): ExportRow {
  return {
    text_id,
    text,
    kind,
    product_id: product?.id ?? null,
    product_name: product?.name ?? null,
    product_description: product?.description ?? null,
    product_category: product?.category ?? null,
    product_price: product?.price ?? null,
    vector: vector && shortNumbers(vector),
    model: model.id,
    model_revision: model.revision,
    runner_session: provenance?.runner_session ?? null,
    runner_name: provenance?.runner_name ?? null,
    device: provenance?.device ?? null,
    dtype: provenance?.dtype ?? null,
    embedded_at: provenance?.embedded_at ?? null,
    checked_at: provenance?.checked_at ?? null,
    events: events.total,
    events_by_type: events.by_type,
  };
}
