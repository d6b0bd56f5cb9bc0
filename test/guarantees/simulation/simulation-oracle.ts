// What no simulated history may ever show: held against every write, every settled delivery and
// every turn. Shares no code with the pipeline.

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
import { believed, type Manner } from './runner.ts';
import { idOf, timestampOf, type Sent } from './sent.ts';

type Appended = { readonly sent: Sent; readonly record: LogRecord; deliveries: number };
/** A stored vector that is not its text's. */
type Wrong = {
  readonly text: string;
  readonly session: string;
  readonly manner: Manner | undefined;
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
  readonly #mannerOf: (runnerName: string) => Manner | undefined;
  /** By partition and offset. */
  readonly #appended: Appended[][] = [];
  /** Event id → timestamp of its newest version that was written. */
  readonly #newest = new Map<string, number>();
  readonly #letters = new Map<string, DeadLetter>();
  readonly #committed: number[] = [];
  readonly #wrong = new Map<string, Wrong>();
  /** Session → monotonic ms. */
  readonly #foundAt = new Map<string, number>();

  constructor(mannerOf: (runnerName: string) => Manner | undefined) {
    this.#mannerOf = mannerOf;
  }

  get sent(): readonly Sent[] {
    return this.#appended.flat().map(({ sent }) => sent);
  }

  appended({ partition, offset }: Position, sent: Sent, record: LogRecord): void {
    (this.#appended[partition] ??= [])[offset] = { sent, record, deliveries: 0 };
  }

  /** These events were written, whether or not the caller learns of it. */
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
        this.#hold(newest >= timestamp, () => `${eventId} was superseded by nothing`);
      if (status === 'stored') this.#newest.set(eventId, Math.max(newest, timestamp));
    }
  }

  putDeadLetters(letters: readonly DeadLetter[]): void {
    for (const letter of letters) {
      const {
        origin: { partition, offset },
        reason,
        value,
      } = letter;
      const appended = this.#appended[partition]?.[offset];
      this.#hold(
        appended !== undefined && reasons[appended.sent.kind] === reason,
        () => `a dead letter says ${reason} of ${nameOf(appended)}`,
      );
      this.#hold(
        appended !== undefined && Buffer.compare(appended.record.value, value) === 0,
        () => `the dead letter of ${nameOf(appended)} has other bytes`,
      );
      this.#letters.set(`${partition}/${offset}`, letter);
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
      const manner = this.#mannerOf(runnerName);
      this.#hold(
        manner !== undefined && believed.includes(manner),
        () => `"${text}" got another text's vector, by ${runnerName}`,
      );
      this.#wrong.set(id, { text, session, manner, embeddedAt });
    }
  }

  withheld({ runnerSession, since }: SessionWork): void {
    for (const [id, { session, embeddedAt }] of this.#wrong)
      if (session === runnerSession && embeddedAt >= since) this.#wrong.delete(id);
  }

  foundWrong(session: string, now: number): void {
    this.#foundAt.set(session, now);
  }

  /** How often this record has been delivered, with this time. It has the bytes that were sent. */
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
        ? this.#letters.has(`${partition}/${offset}`)
        : this.#isStored(appended);
    this.#hold(
      isDurable,
      () => `${nameOf(appended)} was settled as ${status} before it was durable`,
    );
  }

  /** What this source has committed. */
  committed(lags: readonly PartitionLag[]): void {
    for (const { partition, lag } of lags) {
      const records = this.#appended[partition] ?? [];
      const [before, head] = [this.#committed[partition] ?? 0, records.length - lag];
      this.#committed[partition] = head;
      this.#hold(
        head >= before,
        () => `partition ${partition} went back from ${before} to ${head}`,
      );
      for (let offset = before; offset < head; offset++) {
        this.#hold(
          this.#letters.has(`${partition}/${offset}`) || this.#isStored(records[offset]),
          () => `${nameOf(records[offset])} was committed before it was durable`,
        );
      }
    }
  }

  /**
   * Texts that still have a wrong vector though its runner was found wrong before `foundBefore`
   * (monotonic ms).
   */
  overdue(foundBefore: number): readonly string[] {
    if (this.#wrong.size === 0) return [];
    return [...this.#wrong.values()]
      .filter(({ session }) => (this.#foundAt.get(session) ?? Infinity) < foundBefore)
      .map(({ text }) => text);
  }

  /**
   * A sample shows a runner that is wrong on a part of its work with some chance only: its wrong
   * vectors are promised to go once it is found.
   */
  mayBeWrong(textId: string): boolean {
    const wrong = this.#wrong.get(textId);
    return wrong !== undefined && !this.#foundAt.has(wrong.session) && wrong.manner === 'turning';
  }

  hold(isKept: boolean, otherwise: string): void {
    this.#hold(isKept, () => otherwise);
  }

  /** Each is told once: what is broken in one turn is so in the next. */
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

export const isOf = (text: string, vector: Float32Array): boolean =>
  cosine(vector, fakeVector(text)) > 0.999;

function nameOf(appended: Appended | undefined): string {
  return appended === undefined
    ? 'a record that was never sent'
    : `${idOf(appended.sent)} v${appended.sent.version}`;
}
