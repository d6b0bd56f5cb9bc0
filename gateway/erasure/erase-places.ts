// Erases a person from the store, the dead letters and the log.

import { isAbout, mentions, type Person } from '#core/erasure/record-concerns.ts';
import type {
  Clock,
  DeadLetterEntry,
  DeadLetters,
  ErasureSubject,
  EventSink,
  VectorStore,
} from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';

export type ErasurePlaces = {
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly sink: EventSink;
  readonly clock: Clock;
};

export type PersonUntil = {
  readonly person: Person;
  /** UTC ms. */
  readonly until: number;
};

/** How much was erased, by place. */
export type Counts = Record<string, number>;
export type Progress = { readonly counts: Counts; readonly signal: AbortSignal };

/** Leaves the parts to other calls for about as long as a step takes. */
const pauseMs = 5;
/** Values of dead letters are read up to this size at once; longer ones one by one. */
const valueBytesMax = 64 * 1024;
const deadLetterPage = 200;

/** Resolves early when the signal aborts. */
export async function erasePlaces(
  places: ErasurePlaces,
  erased: PersonUntil,
  progress: Progress,
): Promise<void> {
  const { person, until } = erased;
  // Sessions first: they are found by the events of the user.
  for (const id of person.sessionIds)
    await eraseEvents(places, { kind: 'session', id }, until, progress);
  await eraseEvents(places, { kind: 'user', id: person.userId }, until, progress);
  await eraseDeadLetters(places, erased, progress);
  await eraseRecords(places, erased, progress);
}

function add({ counts }: Progress, name: string, count: number): void {
  counts[name] = (counts[name] ?? 0) + count;
}

/** Resolves early when the signal aborts. */
export async function eraseEvents(
  { store, clock }: ErasurePlaces,
  subject: ErasureSubject,
  until: number,
  progress: Progress,
): Promise<void> {
  for (let more = true; more && !progress.signal.aborted;) {
    const step = await store.erasureStore.eraseEvents({ subject, until });
    add(progress, 'events', step.events);
    add(progress, 'texts', step.texts);
    more = step.more && (await rest(clock, pauseMs, progress.signal));
  }
}

async function eraseDeadLetters(
  { deadLetters, clock }: ErasurePlaces,
  { person, until }: PersonUntil,
  progress: Progress,
): Promise<void> {
  let after: { readonly failedAt: number; readonly id: string } | undefined;
  do {
    const page = await deadLetters.list({
      limit: deadLetterPage,
      valueBytesMax,
      ...(after !== undefined && { after }),
    });
    const found: string[] = [];
    for (const entry of page) {
      const isCut = entry.state !== 'purged' && entry.value.length < entry.valueBytes;
      const whole = isCut ? ((await deadLetters.get(entry.id)) ?? entry) : entry;
      if (whole.timestamp <= until && isOf(person, whole)) found.push(whole.id);
    }
    await deadLetters.erase(found);
    add(progress, 'dead_letters', found.length);
    const last = page.length < deadLetterPage ? undefined : page.at(-1);
    after = last === undefined ? undefined : { failedAt: last.failedAt, id: last.id };
  } while (after !== undefined && (await rest(clock, pauseMs, progress.signal)));
}

/**
 * Whether a dead letter is about the person. A purged one has only its message left, which may
 * quote an id.
 */
const isOf = (person: Person, { key, value, message, state }: DeadLetterEntry): boolean =>
  state === 'purged' ? mentions(message, person.userId) : isAbout(person, { key, value });

async function eraseRecords(
  { sink, clock }: ErasurePlaces,
  { person, until }: PersonUntil,
  progress: Progress,
): Promise<void> {
  const { userId, sessionIds } = person;
  let from: { readonly partition: number; readonly offset: number } | null | undefined = {
    partition: 0,
    offset: 0,
  };
  while (from && !progress.signal.aborted) {
    const step: Awaited<ReturnType<NonNullable<EventSink['erase']>>> | undefined =
      await sink.erase?.({ userId, sessionIds: [...sessionIds], until, from });
    add(progress, 'log_records', step?.records ?? 0);
    from = step?.next;
    if (from) await rest(clock, pauseMs, progress.signal);
  }
}
