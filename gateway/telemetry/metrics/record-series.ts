// Counts what records of the source were besides events in VectorStream's event format.

import { type IgnoredKind, ignoredKinds } from '#core/decode/envelopes.ts';
import { type ChangeKind, changeKinds } from '#core/event/known-members.ts';
import { type DeletedSubject, deletedKinds } from '#core/ports.ts';
import type { MetricSeries } from './metric-series.ts';

export class RecordSeries {
  readonly #changes;
  readonly #ignored;
  readonly #deletes;

  constructor(series: MetricSeries) {
    this.#changes = series.counter(
      'event_changes_total',
      'Members of stored events that were sent in another form, or that were missing and follow.',
      ['kind'],
    );
    this.#ignored = series.counter(
      'records_ignored_total',
      'Records without an event: tombstones, deleted rows, and messages about no row.',
      ['kind'],
    );
    this.#deletes = series.counter(
      'deletes_total',
      'Records that deleted an event, the events of a product, or a person.',
      ['kind'],
    );
    for (const kind of changeKinds) this.#changes.inc({ kind }, 0);
    for (const kind of ignoredKinds) this.#ignored.inc({ kind }, 0);
    for (const kind of deletedKinds) this.#deletes.inc({ kind }, 0);
  }

  changed(kinds: readonly ChangeKind[]): void {
    for (const kind of kinds) this.#changes.inc({ kind });
  }

  ignored(kind: IgnoredKind): void {
    this.#ignored.inc({ kind });
  }

  deleted(kind: DeletedSubject['kind']): void {
    this.#deletes.inc({ kind });
  }
}
