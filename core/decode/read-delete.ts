// Finds out what a record without an event deletes: a null value, or a row that its system deleted.

import type { RecordFacts } from '#core/mapping/record-columns.ts';
import type { RecordMapping } from '#core/mapping/record-mapping.ts';
import type { DeletedSubject } from '#core/ports.ts';
import type { IgnoredKind, NoEvent } from './envelopes.ts';

/** What the first of the mappings says that the record deletes; ignored if none says so. */
export function readDelete(
  { ignored, row }: NoEvent,
  record: RecordFacts,
  mappings: readonly RecordMapping[],
): { readonly ignored: IgnoredKind } | { readonly deletes: DeletedSubject } {
  const isDelete = ignored === 'tombstone' || ignored === 'delete';
  if (!isDelete) return { ignored };
  for (const mapping of mappings) {
    const deletes = mapping.deletedBy(row, record);
    if (deletes !== null) return { deletes };
  }
  return { ignored };
}
