// The rows of the newest searchable events: each event once, whether it was read from the store or
// came with the stream.

export type Row = {
  readonly id: string;
  /** ISO. */
  readonly at: string;
  readonly event: Readonly<Record<string, unknown>>;
  /** `null`: it was read from the store, which does not know it. */
  readonly latencyMs: number | null;
};

export const shownMax = 8;

/** By the event's own id, which the stream and the store both have, else by `otherId`. */
export function rowOf(
  at: string,
  event: Row['event'],
  latencyMs: number | null,
  otherId: string,
): Row {
  const { event_id: id } = event;
  return { id: typeof id === 'string' ? id : otherId, at, event, latencyMs };
}

/** Newest first. Of one event the last row counts, and one with a latency before one without. */
export function newestRows(rows: readonly Row[]): readonly Row[] {
  const byId = new Map<string, Row>();
  for (const row of rows) {
    const isLess = row.latencyMs === null && (byId.get(row.id)?.latencyMs ?? null) !== null;
    if (!isLess) byId.set(row.id, row);
  }
  return [...byId.values()]
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
    .slice(0, shownMax);
}
