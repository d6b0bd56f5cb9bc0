// Tells other systems what the index holds: every stored event, and every later change of its
// vector. The last record about an id says what the store has.
//
// The store may change between a look and the record about it, by another gateway too. So each call
// looks again once its records are acknowledged, and sends what has changed meanwhile. Whoever sent
// something stale is thereby the one who corrects it.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import { partsOf } from '#core/collections/parts-of.ts';
import type { ErasedEvents } from '#core/erasure/tombstones.ts';
import { DependencyError, VectorStreamError } from '#core/errors/errors.ts';
import type {
  Clock,
  Embedding,
  EventRecord,
  EventSink,
  TextRecord,
  VectorStore,
} from '#core/ports.ts';
import { announcedEvent, announcedStoredEvent, type AnnouncedEvent } from './announced-event.ts';
import { changeRecord, type ChangeFormat, type IndexChange } from './change-record.ts';

export type ChangeFeedOptions = {
  readonly store: Pick<VectorStore, 'event' | 'texts' | 'provenanceStore'>;
  /** `append` resolves once the records are acknowledged, and keeps the order of its calls. */
  readonly sink: Pick<EventSink, 'append'>;
  readonly format: ChangeFormat;
  readonly clock: Clock;
};

/** `isSuperseded`: the store has this event in the same or a newer version. */
export type WrittenEvent = { readonly record: EventRecord; readonly isSuperseded: boolean };

type Vectors = ReadonlyMap<string, Embedding>;
type TextState = Embedding | 'withheld' | 'gone';

const textsAtOnce = 256;
/** Events of the store that are read at once. */
const readsAtOnce = 16;
const toldMax = 10_000;

/**
 * Every call resolves once all of its records are acknowledged; after an error, call it again.
 *
 * @throws DependencyError that is retryable, of the store or of the sink
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  /** The newest versions that were told lately, UTC ms: two writes may end in either order. */
  readonly #told = new BoundedMap<string, number>(() => toldMax);

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  /** Tells of events that the store has applied. Must not be called again before it has settled. */
  async events(written: readonly WrittenEvent[], erased: ErasedEvents): Promise<void> {
    const events = (await this.#storedOf(written))
      .filter(({ id, timestamp }) => timestamp >= (this.#told.get(id) ?? timestamp))
      .toSorted((a, b) => a.timestamp - b.timestamp);
    const textIds = [...new Set(events.map(({ textId }) => textId))];
    const before = await this.#vectors(textIds);
    await this.#send(
      events.map((event) => ({
        kind: 'event',
        event,
        embedding: before.get(event.textId) ?? null,
      })),
    );
    for (const { id, timestamp } of events) this.#told.set(id, timestamp);
    const after = await this.#vectors(textIds);
    await this.texts(textIds.filter((id) => !isSame(before.get(id), after.get(id))));
    await this.#deleteErased(written, events, erased);
  }

  /** Tells what the store has of these texts. */
  async texts(textIds: readonly string[]): Promise<void> {
    for (const part of partsOf(textIds, textsAtOnce)) {
      let left = part;
      while (left.length > 0) {
        const before = await this.#states(left);
        await this.#send([...before].map(([id, state]) => textChange(id, state)));
        const after = await this.#states(left);
        left = left.filter((id) => !isSame(before.get(id), after.get(id)));
      }
    }
  }

  /** Tells of vectors that are about to replace others. Call `texts` once they are stored. */
  replacing(records: readonly TextRecord[]): Promise<void> {
    return this.#send(
      records.map(({ id, embedding }) => ({ kind: 'text', textId: id, embedding })),
    );
  }

  /** Tells that these events are gone; or texts, which have their own id as `textId`. */
  deleted(gone: readonly Pick<AnnouncedEvent, 'id' | 'textId'>[]): Promise<void> {
    return this.#send(gone.map(({ id, textId }) => ({ kind: 'deleted', id, textId })));
  }

  /** What the store has of each event; nothing of those that are gone meanwhile. */
  async #storedOf(written: readonly WrittenEvent[]): Promise<readonly AnnouncedEvent[]> {
    const events: AnnouncedEvent[] = [];
    for (const part of partsOf(written, readsAtOnce)) {
      const found = await Promise.all(
        part.map(async ({ record, isSuperseded }) => {
          if (!isSuperseded) return [announcedEvent(record)];
          const stored = await this.#options.store.event(record.event.id);
          return stored === null ? [] : [announcedStoredEvent(stored)];
        }),
      );
      events.push(...found.flat());
    }
    return events;
  }

  /** An erasure may have begun before the records arrived, and have told of it before them. */
  async #deleteErased(
    written: readonly WrittenEvent[],
    events: readonly AnnouncedEvent[],
    erased: ErasedEvents,
  ): Promise<void> {
    await erased.upToDate();
    if (erased.isEmpty) return;
    const madeAt = new Map(written.map(({ record }) => [record.event.id, record.madeAt]));
    const gone = events.filter((event) =>
      erased.covers(event, madeAt.get(event.id) ?? event.timestamp),
    );
    await this.deleted(gone);
    if (this.#options.format.key === 'text') await this.texts(gone.map(({ textId }) => textId));
  }

  async #vectors(textIds: readonly string[]): Promise<Vectors> {
    if (this.#options.format.content === 'text_id') return new Map();
    return this.#options.store.provenanceStore.embeddings(textIds);
  }

  async #states(textIds: readonly string[]): Promise<ReadonlyMap<string, TextState>> {
    const { store } = this.#options;
    const vectors = await store.provenanceStore.embeddings(textIds);
    const others = textIds.filter((id) => !vectors.has(id));
    const stored = others.length === 0 ? new Map() : await store.texts(others);
    return new Map(
      textIds.map((id) => [id, vectors.get(id) ?? (stored.has(id) ? 'withheld' : 'gone')]),
    );
  }

  async #send(changes: readonly IndexChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { sink, format, clock } = this.#options;
    try {
      await sink.append(changes.map((change) => changeRecord(change, format, clock.now())));
    } catch (error) {
      if (!(error instanceof VectorStreamError)) throw error;
      // Whatever the reason is: an event never becomes a dead letter for it.
      const message = `The sink does not take what it is told: ${error.message}`;
      throw new DependencyError('sink', 'sink_unavailable', message, {
        retryable: true,
        cause: error,
      });
    }
  }
}

function textChange(textId: string, state: TextState): IndexChange {
  if (state === 'gone') return { kind: 'deleted', id: textId, textId };
  return { kind: 'text', textId, embedding: state === 'withheld' ? null : state };
}

/** Who embedded a text and when identifies its vector. */
function isSame(a: TextState | undefined, b: TextState | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  const [first, second] = [a.provenance, b.provenance];
  return first.runnerSession === second.runnerSession && first.embeddedAt === second.embeddedAt;
}
