// Writes events to Qdrant: the newest version of each, and none that refers to a missing text.
//
// How `put` keeps its promises with several gateways at work: it reads the stored versions to
// decide the outcomes, then writes what is newer in one upsert, each event under the condition that
// the stored version is still older. Where another gateway was faster with a newer version, that
// version stays, and `stored` means: stored, and overwritten in the same moment. Where it was
// faster with another raw id under the same id, that event stays too. Qdrant does not say so, and
// a look after the write finds it out: the event that was not written is an `id-conflict`.

import { at } from '#core/errors/assert.ts';
import { mayShareId, rawIdOf } from '#core/event/event-id.ts';
import { isUuid } from '#core/event/uuid.ts';
import type { EventRecord, WriteOutcome } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { hasId, isBefore, isValue } from './qdrant-filter.ts';
import { eventPoint, stringAt, timeAt } from './qdrant-points.ts';
import type { QdrantTexts } from './qdrant-texts.ts';

type Version = {
  readonly timestamp: number;
  readonly textId: string;
  /** `null` when the event was stored without it, by an earlier version of this program. */
  readonly rawId: string | null;
};

type WritePlan = {
  /** One per record, in order. */
  readonly outcomes: readonly WriteOutcome[];
  /** The newest version of each event that is to be written. */
  readonly writes: readonly EventRecord[];
  /** Texts to which an event no longer refers. */
  readonly leftTexts: readonly string[];
};

export function createEventWriter({
  qdrant,
  collection,
  texts,
}: {
  readonly qdrant: Qdrant;
  readonly collection: string;
  readonly texts: QdrantTexts;
}): (records: readonly EventRecord[]) => Promise<readonly WriteOutcome[]> {
  const versionsOf = (ids: readonly string[]): Promise<ReadonlyMap<string, Version>> =>
    qdrant.read('look up events', async (client) => {
      const points = await client.retrieve(collection, {
        ids: [...ids],
        with_payload: ['timestamp', 'text_id', 'raw_id'],
      });
      return new Map(
        points.map(({ id, payload }) => [
          String(id),
          {
            timestamp: timeAt(payload, 'timestamp'),
            textId: stringAt(payload, 'text_id'),
            rawId: typeof payload?.['raw_id'] === 'string' ? payload['raw_id'] : null,
          },
        ]),
      );
    });

  const write = (
    records: readonly EventRecord[],
    versions: ReadonlyMap<string, Version>,
  ): Promise<void> => {
    const isNewer = {
      should: records.map(({ event, insertOnly }) => ({
        must: [
          hasId([event.id]),
          // No stored event is older than 1970: such a record never replaces one.
          isBefore('timestamp', insertOnly === true ? 0 : event.timestamp),
          // An event that an earlier version of this program stored has none.
          ...(mayShareId(event.eventId) && versions.get(event.id)?.rawId !== null
            ? [isValue('raw_id', rawIdAt(event))]
            : []),
        ],
      })),
    };
    return qdrant.write('write events', (client) =>
      applied(
        client.upsert(collection, {
          points: records.map(eventPoint),
          update_filter: isNewer,
          wait: true,
        }),
      ),
    );
  };

  return async (records) => {
    const valid = records.filter((record) => refusalOf(record) === null);
    const [versions, known] =
      valid.length === 0
        ? [new Map<string, Version>(), new Set<string>()]
        : await Promise.all([
            versionsOf([...new Set(valid.map(({ event }) => event.id))]),
            texts.stillThere([...new Set(valid.map(({ textId }) => textId))]),
          ]);
    const { outcomes, writes, leftTexts } = planWrites(records, versions, known);
    if (writes.length === 0) return outcomes;
    // Marked before the write: an unneeded mark costs the sweep one look, a missing one would keep
    // a text for ever.
    await texts.mark(leftTexts);
    await write(writes, versions);
    const contested = writes.filter(
      ({ event }) => mayShareId(event.eventId) && (versions.get(event.id)?.rawId ?? null) === null,
    );
    if (contested.length === 0) return outcomes;
    const written = await versionsOf(contested.map(({ event }) => event.id));
    const missed = contested.filter(({ event }) => isOlder(written.get(event.id), event));
    if (missed.length > 0) await write(missed, written);
    return outcomes.map((outcome, index) =>
      outcome.status === 'stored'
        ? (conflictOf(at(records, index), written.get(at(records, index).event.id)) ?? outcome)
        : outcome,
    );
  };
}

/**
 * @param stored the stored version of each event, by its id
 * @param known the texts that exist
 */
function planWrites(
  records: readonly EventRecord[],
  stored: ReadonlyMap<string, Version>,
  known: ReadonlySet<string>,
): WritePlan {
  const versions = new Map(stored);
  const writes = new Map<string, EventRecord>();
  const leftTexts = new Set<string>();
  const outcomes = records.map((record): WriteOutcome => {
    const { event, textId, insertOnly } = record;
    const { id, timestamp } = event;
    const refusal = refusalOf(record);
    if (refusal !== null) return refusal;
    if (!known.has(textId)) return { status: 'missing-text' };
    const version = versions.get(id);
    const conflict = conflictOf(record, version);
    if (conflict !== null) return conflict;
    if (version !== undefined && (insertOnly === true || version.timestamp >= timestamp))
      return { status: 'superseded' };
    if (version !== undefined && version.textId !== textId) leftTexts.add(version.textId);
    versions.set(id, { timestamp, textId, rawId: rawIdAt(event) });
    writes.set(id, record);
    return { status: 'stored' };
  });
  return { outcomes, writes: [...writes.values()], leftTexts: [...leftTexts] };
}

/** Whether a gateway of an earlier version just stored an older event, which the write left. */
const isOlder = (stored: Version | undefined, { timestamp }: EventRecord['event']): boolean =>
  stored?.rawId === null && stored.timestamp < timestamp;

/** The raw id as it is stored. */
const rawIdAt = ({ eventId }: EventRecord['event']): string => rawIdOf(eventId).toWellFormed();

function conflictOf({ event }: EventRecord, stored: Version | undefined): WriteOutcome | null {
  const rawId = stored?.rawId ?? null;
  return rawId === null || rawId === rawIdAt(event) ? null : { status: 'id-conflict', rawId };
}

function refusalOf({ event, textId }: EventRecord): WriteOutcome | null {
  const bad = [event.id, textId].find((id) => !isUuid(id));
  return bad === undefined
    ? null
    : { status: 'rejected', message: `the id "${bad}" is not a UUID` };
}
