// What no simulated history may ever show. Every write, every settled delivery and every turn is
// checked. Shares no code with the pipeline.

import type {
  DeadLetter,
  Delivery,
  EventRecord,
  LogRecord,
  Outcome,
  PartitionLag,
  Position,
  SessionWork,
  TextRecord,
  WriteOutcome,
} from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';
import { fakeVector } from '../../helpers/fake-model.ts';
import { passingGolden, type Behaviour } from './runner.ts';
import { idOf, timestampOf, type Sent } from './sent.ts';

type Appended = {
  readonly sent: Sent;
  readonly record: LogRecord;
  readonly place: string;
  deliveries: number;
  /** In some delivery; its outcome is durable. */
  isSettled: boolean;
};
/** A stored vector that does not belong to its text. */
type WrongVector = {
  readonly text: string;
  readonly session: string;
  readonly behaviour: Behaviour | undefined;
  readonly embeddedAt: number;
};

const reasons = {
  'not-json': 'not_json',
  'bad-price': 'invalid_event',
  poison: 'embedding_failed',
  valid: null,
} as const;

export class Oracle {
  readonly violations: string[] = [];
  readonly #behaviourOf: (runnerName: string) => Behaviour | undefined;
  /** By partition and offset. */
  #appended: Appended[][] = [];
  /** Of topics that were deleted. */
  readonly #gone: Appended[] = [];
  /** Event id → timestamp of its newest version that was written. */
  readonly #newest = new Map<string, number>();
  readonly #deadLetters = new Map<string, DeadLetter>();
  #committed: number[] = [];
  readonly #wrong = new Map<string, WrongVector>();
  /** Session → monotonic ms. */
  readonly #foundAt = new Map<string, number>();

  constructor(behaviourOf: (runnerName: string) => Behaviour | undefined) {
    this.#behaviourOf = behaviourOf;
  }

  /** `mustEnd`: not what was deleted with its topic before it was settled. */
  get sent(): readonly { readonly sent: Sent; readonly mustEnd: boolean }[] {
    return [
      ...this.#gone.map(({ sent, isSettled }) => ({ sent, mustEnd: isSettled })),
      ...this.#appended.flat().map(({ sent }) => ({ sent, mustEnd: true })),
    ];
  }

  appended({ partition, offset }: Position, sent: Sent, record: LogRecord): void {
    const place = `${partition}/${offset}`;
    const appended = { sent, record, place, deliveries: 0, isSettled: false };
    (this.#appended[partition] ??= [])[offset] = appended;
  }

  topicRecreated(): void {
    this.#gone.push(...this.#appended.flat());
    this.#appended = [];
    this.#committed = [];
    this.#deadLetters.clear();
  }

  /**
   * Every bad record is one dead letter. The same record at the same offset of a topic that was
   * recreated is the same dead letter.
   */
  wrongDeadLetters(listed: readonly DeadLetter[]): readonly string[] {
    const current = this.#appended.flat();
    const needed = namesOf([...current, ...this.#gone.filter(({ isSettled }) => isSettled)]);
    const possible = namesOf([...current, ...this.#gone]);
    const found = new Set<string>();
    const wrong: string[] = [];
    for (const { origin, value } of listed) {
      const name = nameAt(`${origin.partition}/${origin.offset}`, value);
      if (found.has(name)) wrong.push(`${name} is two dead letters`);
      if (!possible.has(name)) wrong.push(`${name} is a dead letter, but was never sent`);
      found.add(name);
    }
    for (const name of needed) if (!found.has(name)) wrong.push(`the dead letter ${name} is lost`);
    return wrong;
  }

  /** These events were written, even if the caller does not learn of it. */
  putEvents(records: readonly EventRecord[], outcomes: readonly WriteOutcome[]): void {
    for (const [
      at,
      {
        event: { eventId, timestamp },
      },
    ] of records.entries()) {
      const [status, newest] = [outcomes[at]?.status, this.#newest.get(eventId) ?? -Infinity];
      this.#hold(eventId.startsWith('valid-'), () => `${eventId} was written as an event`);
      if (status === 'superseded')
        this.#hold(
          newest >= timestamp,
          () => `${eventId} was superseded, but no newer version is stored`,
        );
      if (status === 'stored') this.#newest.set(eventId, Math.max(newest, timestamp));
    }
  }

  putDeadLetters(deadLetters: readonly DeadLetter[]): void {
    for (const deadLetter of deadLetters) {
      const {
        origin: { partition, offset },
        reason,
        value,
      } = deadLetter;
      const appended = this.#appended[partition]?.[offset];
      this.#hold(
        appended !== undefined && reasons[appended.sent.kind] === reason,
        () => `a dead letter gives the reason ${reason} for ${nameOf(appended)}`,
      );
      this.#hold(
        appended !== undefined && Buffer.compare(appended.record.value, value) === 0,
        () => `the dead letter of ${nameOf(appended)} has other bytes`,
      );
      this.#deadLetters.set(`${partition}/${offset}`, deadLetter);
    }
  }

  putTexts(records: readonly TextRecord[], outcomes: readonly WriteOutcome[]): void {
    for (const [
      at,
      {
        id,
        text,
        embedding: { vector, provenance },
      },
    ] of records.entries()) {
      if (outcomes[at]?.status !== 'stored') continue;
      this.#wrong.delete(id);
      if (isOf(text, vector)) continue;
      const { runnerName, runnerSession: session, embeddedAt } = provenance;
      const behaviour = this.#behaviourOf(runnerName);
      this.#hold(
        behaviour !== undefined && passingGolden.includes(behaviour),
        () => `"${text}" got another text's vector, by ${runnerName}`,
      );
      this.#wrong.set(id, { text, session, behaviour, embeddedAt });
    }
  }

  withheld({ runnerSession, since }: SessionWork): void {
    for (const [id, { session, embeddedAt }] of this.#wrong)
      if (session === runnerSession && embeddedAt >= since) this.#wrong.delete(id);
  }

  foundWrong(session: string, now: number): void {
    this.#foundAt.set(session, now);
  }

  /**
   * Counts the deliveries of this record, this one included. Checks that its bytes are the sent
   * ones.
   */
  delivered({ position: { partition, offset }, value }: Delivery): number {
    const appended = this.#appended[partition]?.[offset];
    this.#hold(
      appended !== undefined && Buffer.compare(appended.record.value, value) === 0,
      () => `${nameOf(appended)} was delivered with other bytes`,
    );
    return appended === undefined ? 0 : ++appended.deliveries;
  }

  settled({ position: { partition, offset } }: Delivery, { status }: Outcome): void {
    const appended = this.#appended[partition]?.[offset];
    const isDurable =
      status === 'dead-lettered'
        ? this.#deadLetters.has(`${partition}/${offset}`)
        : this.#isStored(appended);
    this.#hold(
      isDurable,
      () => `${nameOf(appended)} was settled as ${status} before it was durable`,
    );
    if (appended !== undefined) appended.isSettled = true;
  }

  /** What this source has committed. */
  committed(lags: readonly PartitionLag[]): void {
    for (const { partition, lag } of lags) {
      const records = this.#appended[partition] ?? [];
      const [before, head] = [this.#committed[partition] ?? 0, records.length - lag];
      this.#committed[partition] = head;
      this.#hold(
        head >= before,
        () => `partition ${partition} committed backwards, from ${before} to ${head}`,
      );
      for (let offset = before; offset < head; offset++) {
        this.#hold(
          this.#deadLetters.has(`${partition}/${offset}`) || this.#isStored(records[offset]),
          () => `${nameOf(records[offset])} was committed before it was durable`,
        );
      }
    }
  }

  /**
   * Texts that still have a wrong vector although its runner was detected before `foundBefore`
   * (monotonic ms).
   */
  overdue(foundBefore: number): readonly string[] {
    if (this.#wrong.size === 0) return [];
    return [...this.#wrong.values()]
      .filter(({ session }) => (this.#foundAt.get(session) ?? Infinity) < foundBefore)
      .map(({ text }) => text);
  }

  /**
   * A cross-check detects a runner that is wrong only on a part of its work with some probability.
   * The promise is that its wrong vectors go once it is detected.
   */
  mayBeWrong(textId: string): boolean {
    const wrong = this.#wrong.get(textId);
    return (
      wrong !== undefined && !this.#foundAt.has(wrong.session) && wrong.behaviour === 'lying-later'
    );
  }

  hold(isKept: boolean, otherwise: string): void {
    this.#hold(isKept, () => otherwise);
  }

  /** Records each violation once: what is broken in one turn is also broken in the next. */
  #hold(isKept: boolean, otherwise: () => string): void {
    if (isKept) return;
    const violation = otherwise();
    if (!this.violations.includes(violation)) this.violations.push(violation);
  }

  #isStored(appended: Appended | undefined): boolean {
    return (
      appended?.sent.kind === 'valid' &&
      (this.#newest.get(idOf(appended.sent)) ?? -Infinity) >= timestampOf(appended.sent)
    );
  }
}

const isBad = ({ sent: { kind } }: Appended): boolean => kind !== 'valid';
const nameAt = (place: string, value: Uint8Array): string =>
  `${place} ${Buffer.from(value).toString()}`;
const namesOf = (records: readonly Appended[]): ReadonlySet<string> =>
  new Set(records.filter(isBad).map(({ place, record }) => nameAt(place, record.value)));

export const isOf = (text: string, vector: Float32Array): boolean =>
  cosine(vector, fakeVector(text)) > 0.999;

function nameOf(appended: Appended | undefined): string {
  return appended === undefined
    ? 'a record that was never sent'
    : `${idOf(appended.sent)} v${appended.sent.version}`;
}
