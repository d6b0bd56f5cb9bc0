// The whole program except its sockets and files, in one process on a manual clock. The promises
// are checked in every turn.

import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { dimensions } from '../../helpers/fake-model.ts';
import { unreliably } from '../../helpers/unreliable.ts';
import {
  passingGolden,
  startSimulatedRunner,
  type Behaviour,
  type SimulatedRunner,
} from './runner.ts';
import { idOf, recordOf, startsAt, timestampOf, type Sent } from './sent.ts';
import {
  checkIntervalMs,
  startSimulatedGateway,
  type SimulatedGateway,
} from './simulated-gateway.ts';
import { isOf, Oracle } from './simulation-oracle.ts';
import { immediatesOn, pass } from './turns.ts';
import type { CallKind, Watched } from './watched.ts';

/**
 * How long a gateway that has just started, or whose store was down, may take to work again: an
 * open circuit, a backoff.
 */
const resumeMsMax = 3_000;
/**
 * There are few distinct texts. A queue or a list of sleepers that grows beyond these leaks
 * entries.
 */
const tasksMax = 64;
const sleepersMax = (runners: number): number => 80 + 12 * runners;

/**
 * Of the store and the dead-letter queue: calls fail at this rate, both before and after they are
 * carried out (at 1 they are down), and take up to `msMax`.
 */
export type Trouble = {
  readonly faultRate: number;
  /** Only calls of this kind fail; `null`: all. */
  readonly kind: CallKind | null;
  readonly msMax: number;
};
export const noTrouble: Trouble = { faultRate: 0, kind: null, msMax: 20 };
const logOptions = { partitions: 3, unsettledMax: 12, batchMax: 7 } as const;

export class SimulatedWorld implements Disposable {
  readonly clock = new ManualClock(startsAt);
  readonly #random: () => number;
  readonly #watched: Watched;
  readonly #immediates = immediatesOn(this.clock);
  #log = createMemoryLog(logOptions);
  readonly #memoryStore = createMemoryStore({
    dimensions,
    now: () => this.clock.now(),
    batchMax: { texts: 5, events: 9 },
  });
  readonly #memoryDeadLetters = createMemoryDeadLetters();
  readonly #oracle = new Oracle(
    (name) => this.#runners.find((runner) => runner.name === name)?.behaviour,
  );
  readonly #runners: SimulatedRunner[] = [];
  #gateway: SimulatedGateway | null = null;
  #trouble: Trouble = noTrouble;
  /** Monotonic ms: since when a gateway runs and its store answers. */
  #wellSince = Infinity;
  /** A hash of the times of all turns so far; different courses have different hashes. */
  trace = 0;

  constructor(random: () => number, seen: Watched['seen']) {
    this.#random = random;
    this.#watched = {
      oracle: this.#oracle,
      seen,
      unreliably: (kind, call) => {
        const { faultRate, msMax, kind: only } = this.#trouble;
        const isMeant = only === null || only === kind;
        const rate = isMeant ? faultRate : 0;
        return unreliably(call, { clock: this.clock, random, faultRate: rate, msMax });
      },
    };
  }

  [Symbol.dispose](): void {
    this.#immediates[Symbol.dispose]();
  }

  get violations(): readonly string[] {
    return this.#oracle.violations;
  }

  async send(events: readonly Sent[]): Promise<void> {
    const records = events.map(recordOf);
    const positions = await this.#log.sink.append(records);
    for (const [at, sent] of events.entries()) {
      const [position, record] = [positions[at], records[at]];
      if (position !== undefined && record !== undefined)
        this.#oracle.appended(position, sent, record);
    }
  }

  join(behaviour: Behaviour, trusted = false): void {
    this.#runners.push(
      startSimulatedRunner({
        clock: this.clock,
        random: this.#random,
        name: `${behaviour} ${this.#runners.length + 1}`,
        behaviour,
        trusted,
        hub: () => this.#gateway?.hub ?? null,
      }),
    );
  }

  runner(index: number): SimulatedRunner | undefined {
    return this.#runners[index % Math.max(1, this.#runners.length)];
  }

  get hasLiars(): boolean {
    return this.#runners.some(({ behaviour }) => passingGolden.includes(behaviour));
  }

  /** As an operator does: `drain` lets the runner finish its work, `remove` does not. */
  dismiss(how: 'drain' | 'remove', index: number): void {
    const view = this.#gateway?.hub.runners().find(({ name }) => name === this.runner(index)?.name);
    if (view !== undefined) this.#gateway?.hub[how](view.id);
  }

  /** Applies from now on. */
  store(trouble: Trouble): void {
    this.#trouble = trouble;
    this.#becameWell();
  }

  start(): void {
    if (this.#gateway !== null) return;
    this.#gateway = startSimulatedGateway({
      clock: this.clock,
      random: this.#random,
      source: this.#log.source('group'),
      store: this.#memoryStore,
      deadLetters: this.#memoryDeadLetters,
      watched: this.#watched,
    });
    this.#becameWell();
  }

  async end(how: 'stop' | 'crash'): Promise<void> {
    const gateway = this.#gateway;
    if (gateway === null) return;
    this.#gateway = null;
    this.#becameWell();
    const state = { isOver: false };
    const over = gateway.end(how).finally(() => {
      state.isOver = true;
    });
    for (let step = 0; !state.isOver && step < 1_000; step++) await this.pass(20);
    this.#oracle.hold(state.isOver, 'a gateway does not end');
    if (state.isOver) await over;
  }

  /** The topic is deleted, with what it holds, and created again: its offsets begin anew. */
  async recreateTopic(): Promise<void> {
    const wasRunning = this.#gateway !== null;
    await this.end('crash');
    this.#log = createMemoryLog(logOptions);
    this.#oracle.topicRecreated();
    this.#watched.seen('the topic was recreated');
    if (wasRunning) this.start();
  }

  pass(ms: number): Promise<void> {
    return pass(this.clock, ms, () => this.#hold());
  }

  async isDrained(): Promise<boolean> {
    const source = this.#gateway?.source;
    return (
      source !== undefined &&
      source.unsettled() === 0 &&
      (await source.lag()).every(({ lag }) => lag === 0)
    );
  }

  leaveAll(): void {
    for (const runner of this.#runners) runner.leave();
  }

  /** At the end: compares what was sent with what is stored. */
  async verify(): Promise<readonly string[]> {
    const found = [...this.violations];
    const events = new Map(
      (await this.#memoryStore.events({}, 1_000)).map((event) => [event.id, event]),
    );
    const newest = new Map<string, { readonly name: string; readonly timestamp: number }>();
    const { sent } = this.#oracle;
    for (const { sent: one, mustEnd } of sent) {
      const [id, timestamp] = [uuidV5(idOf(one)), timestampOf(one)];
      if (mustEnd && one.kind === 'valid' && timestamp >= (newest.get(id)?.timestamp ?? 0))
        newest.set(id, { name: idOf(one), timestamp });
    }
    for (const [id, { name, timestamp }] of newest) {
      const event = events.get(id);
      if (event === undefined) found.push(`${name} is lost`);
      else if (event.timestamp < timestamp)
        found.push(`${name} is not stored in its newest version`);
    }
    const versions = new Set(
      sent.map(({ sent: one }) => `${uuidV5(idOf(one))} ${timestampOf(one)}`),
    );
    for (const [id, { payload, timestamp }] of events)
      if (!versions.has(`${id} ${timestamp}`))
        found.push(`an event is stored that was never sent: ${payload}`);
    const deadLetters = await this.#memoryDeadLetters.list({ limit: 1_000, valueBytesMax: 1_000 });
    found.push(...this.#oracle.wrongDeadLetters(deadLetters));
    return [...found, ...(await this.wrongVectors())];
  }

  /** Texts of stored events without a vector, or with one of another text. */
  async wrongVectors(): Promise<readonly string[]> {
    const names = new Map(
      (await this.#memoryStore.events({}, 1_000)).map(({ textId, payload }) => [
        textId,
        String(JSON.parse(payload).product.name),
      ]),
    );
    const vectors = await this.#memoryStore.vectors([...names.keys()]);
    return [...names].flatMap(([id, name]) => {
      const vector = vectors.get(id);
      if (vector === undefined) return [`"${name}" has no vector`];
      return isOf(name, vector) || this.#oracle.mayBeWrong(id)
        ? []
        : [`"${name}" has another text's vector`];
    });
  }

  #becameWell(): void {
    this.#wellSince =
      this.#gateway !== null && this.#trouble === noTrouble ? this.clock.monotonic() : Infinity;
  }

  /** Called in every turn. */
  #hold(): void {
    const oracle = this.#oracle;
    const now = this.clock.monotonic();
    this.trace = mixed(this.trace, now);
    oracle.hold(this.clock.sleeping <= sleepersMax(this.#runners.length), 'sleepers pile up');
    if (this.#gateway === null) return;
    const { source, hub } = this.#gateway;
    void source.lag().then((lags) => oracle.committed(lags));
    oracle.hold(
      source.unsettled() <= logOptions.partitions * logOptions.unsettledMax,
      'more events are unsettled than the limit allows',
    );
    const { waiting, inWork } = hub.fleetStats();
    oracle.hold(waiting + inWork <= tasksMax, 'texts pile up in the embedding queue');
    if (now - this.#wellSince < resumeMsMax + checkIntervalMs) return;
    for (const text of oracle.overdue(now - checkIntervalMs))
      oracle.hold(
        false,
        `"${text}" still has the vector of a runner that was detected a check interval ago`,
      );
  }
}

/** Mixes a value into a 32-bit hash; fractions of a millisecond count. */
export function mixed(trace: number, value: number): number {
  return (Math.imul(trace ^ Math.round(value * 1_000), 0x01000193) + 1) | 0;
}
