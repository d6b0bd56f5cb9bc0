// Holds the texts and events of the reference vector store, and applies every write to them.

import { DependencyError } from '#core/errors/errors.ts';
import { rawIdOf } from '#core/event/event-id.ts';
import type {
  BareText,
  EventFilter,
  EventRecord,
  IndexIdentity,
  TextRecord,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import { createMemoryCatalogue, type MemoryCatalogue } from './memory-catalogue.ts';
import { byAge, matches } from './memory-filter.ts';

export type MemoryRecordsOptions = {
  readonly dimensions: IndexIdentity['dimensions'];
  /** UTC ms. The age of a text without events counts from here. */
  readonly now: () => number;
  /** Bound of texts and events together. */
  readonly itemsMax: number;
};

export type MemoryText = {
  readonly record: TextRecord;
  /** Since when no event refers to the text, UTC ms; `null` while one does. */
  unreferencedSince: number | null;
  isWithheld: boolean;
};

type Retention = Parameters<VectorStore['forget']>[0];

export class MemoryRecords {
  readonly #options: MemoryRecordsOptions;
  readonly texts = new Map<string, MemoryText>();
  readonly events = new Map<string, EventRecord>();
  readonly catalogue: MemoryCatalogue = createMemoryCatalogue(
    (textIds) => {
      for (const textId of textIds) this.#markIfUnreferenced(textId, this.#options.now());
    },
    (textId) => this.texts.has(textId),
  );

  constructor(options: MemoryRecordsOptions) {
    this.#options = options;
  }

  /** The texts with these ids, without those that do not exist. */
  textsOf(ids: readonly string[]): MemoryText[] {
    return ids.flatMap((id) => this.texts.get(id) ?? []);
  }

  /** Matching events, of all texts or of one, newest first. */
  eventsOf(filter: EventFilter, textId?: string): EventRecord[] {
    return [...this.events.values()]
      .filter((record) => textId === undefined || record.textId === textId)
      .filter((record) => matches(record, filter))
      .toSorted((a, b) => byAge(a.event, b.event));
  }

  knownTexts(ids: readonly string[]): Set<string> {
    const known = this.textsOf(ids).filter(({ isWithheld }) => !isWithheld);
    // An event is about to refer to each of them, so its grace period starts again.
    for (const text of known)
      if (text.unreferencedSince !== null) text.unreferencedSince = this.#options.now();
    return new Set(known.map(({ record }) => record.id));
  }

  putTexts(added: readonly TextRecord[]): WriteOutcome[] {
    this.#checkRoom(added.length);
    return added.map((record) => this.#putText(record));
  }

  putEvents(added: readonly EventRecord[]): WriteOutcome[] {
    this.#checkRoom(added.length);
    return added.map((record) => this.#putEvent(record));
  }

  /** Deletes old events, then the texts whose grace period is over. Returns how many of each. */
  forget({ ingestedBefore, now, textGraceMs }: Retention): { events: number; texts: number } {
    const old = [...this.events.values()].filter(({ ingestedAt }) => ingestedAt < ingestedBefore);
    for (const { event } of old) this.events.delete(event.id);
    for (const textId of new Set(old.map((record) => record.textId)))
      this.#markIfUnreferenced(textId, now);
    const isUnused = ({ unreferencedSince }: MemoryText): boolean =>
      unreferencedSince !== null && unreferencedSince < now - textGraceMs;
    const unused = [...this.texts.values()].filter(isUnused);
    for (const { record } of unused) {
      this.texts.delete(record.id);
      this.catalogue.textGone(record.id);
    }
    return { events: old.length, texts: unused.length };
  }

  /** Deletes events, and queries that no event refers to any more. */
  erase(isErased: (record: EventRecord) => boolean): { events: number; texts: number } {
    const erased = [...this.events.values()].filter(isErased);
    for (const { event } of erased) this.events.delete(event.id);
    let texts = 0;
    for (const textId of new Set(erased.map((record) => record.textId))) {
      this.#markIfUnreferenced(textId, this.#options.now());
      const text = this.texts.get(textId);
      if (text?.record.kind !== 'query' || text.unreferencedSince === null) continue;
      this.texts.delete(textId);
      texts += 1;
    }
    return { events: erased.length, texts };
  }

  #checkRoom(added: number): void {
    const { itemsMax } = this.#options;
    if (this.texts.size + this.events.size + added <= itemsMax) return;
    throw new DependencyError(
      'store',
      'store_full',
      `The memory store holds its maximum of ${itemsMax} texts and events. ` +
        'It has room again once retention has deleted some.',
      { retryable: true },
    );
  }

  #putText(record: TextRecord): WriteOutcome {
    const { dimensions, now } = this.#options;
    const { embedding } = record;
    const problem = vectorProblem(embedding.vector, dimensions);
    if (problem !== null) return { status: 'rejected', message: problem };
    const isReferenced = this.texts.get(record.id)?.unreferencedSince === null;
    this.texts.set(record.id, {
      record: { ...record, embedding: { ...embedding, vector: embedding.vector.slice() } },
      unreferencedSince: isReferenced ? null : now(),
      isWithheld: false,
    });
    return { status: 'stored' };
  }

  #putEvent(record: EventRecord): WriteOutcome {
    const text = this.texts.get(record.textId);
    if (text === undefined) return { status: 'missing-text' };
    const old = this.events.get(record.event.id);
    const rawId = old === undefined ? null : rawIdOf(old.event.eventId);
    if (rawId !== null && rawId !== rawIdOf(record.event.eventId))
      return { status: 'id-conflict', rawId };
    if (
      old !== undefined &&
      (record.insertOnly === true || old.event.timestamp >= record.event.timestamp)
    )
      return { status: 'superseded' };
    this.events.set(record.event.id, record);
    text.unreferencedSince = null;
    if (old !== undefined) this.#markIfUnreferenced(old.textId, this.#options.now());
    return { status: 'stored' };
  }

  #markIfUnreferenced(textId: string, since: number): void {
    const text = this.texts.get(textId);
    if (text === undefined) return;
    const isReferenced =
      this.events.values().some((record) => record.textId === textId) ||
      this.catalogue.listedTexts({}).has(textId);
    text.unreferencedSince = isReferenced ? null : since;
  }
}

export function bareText({ record: { id, text, kind, product } }: MemoryText): BareText {
  return { id, text, kind, product };
}
