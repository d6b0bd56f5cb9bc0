// The whole program but for its sockets and files, in one process on a clock moved by hand: every turn is held to the promises.
import { eventLimits } from '#core/event.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog, type MemorySource } from '#core/memory/memory-source.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPace } from '#core/pace.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline.ts';
import { Repair, type WorkLedger } from '#core/repair.ts';
import { uuidV5 } from '#core/uuid.ts';
import { createRunnerHub, defaultHubLimits, type RunnerHub } from '../../../gateway/runner-hub.ts';
import { bounds, dimensions, golden, identity } from '../../helpers/fake-model.ts';
import { unreliably } from '../../helpers/unreliable.ts';
import { isOf, Oracle } from './oracle.ts';
import { startSimulatedRunner, type Manner, type SimulatedRunner } from './runner.ts';
import { idOf, recordOf, startsAt, timestampOf, type Sent } from './sent.ts';
import { immediatesOn, pass } from './turns.ts';
import { watchedLetters, watchedSource, watchedStore } from './watched.ts';

export const checkIntervalMs = 8_000;
/** What a store that was down, or a gateway that has just started, may take before it works again: an open circuit, a backoff. */
const resumeMsMax = 3_000;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** In hand at once, at most. */
const unsettledMax = 30;
const partitions = 3;
const unsettledOfPartitionMax = 12;
/** Distinct texts are few: a queue or a list of sleepers that grows beyond these holds something that it has forgotten. */
const tasksMax = 64;
const sleepersMax = (runners: number): number => 80 + 12 * runners;

type Life = { readonly hub: RunnerHub; readonly repair: Repair; readonly source: MemorySource; readonly stop: AbortController; readonly ended: Promise<unknown> };

/** Of the store and the dead-letter queue: they fail at this rate, before a call and after it was carried out (at 1 they are down), and take up to so long. */
export type Trouble = { readonly faultRate: number; readonly msMax: number };
export const noTrouble: Trouble = { faultRate: 0, msMax: 20 };

/** Told of everything of note that happens in a world, such as "a late answer was ignored". */
export type Seen = (what: string) => void;

export class SimulatedWorld implements Disposable {
  readonly clock = new ManualClock(startsAt);
  readonly #random: () => number;
  readonly #seen: Seen;
  readonly #immediates = immediatesOn(this.clock);
  readonly #log = createMemoryLog({ partitions, unsettledMax: unsettledOfPartitionMax, batchMax: 7 });
  readonly #memoryStore = createMemoryStore({ dimensions, now: () => this.clock.now() });
  readonly #memoryLetters = createMemoryDeadLetters();
  readonly #oracle = new Oracle((name) => this.#runners.find((runner) => runner.name === name)?.manner);
  readonly #runners: SimulatedRunner[] = [];
  #life: Life | null = null;
  #trouble: Trouble = noTrouble;
  /** Monotonic ms: since when a gateway runs and its store answers. */
  #wellSince = Infinity;
  /** Of the times of all turns so far: two histories that went different ways have different ones. */
  trace = 0;

  constructor(random: () => number, seen: Seen) {
    this.#random = random;
    this.#seen = seen;
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
      if (position !== undefined && record !== undefined) this.#oracle.appended(position, sent, record);
    }
  }

  join(manner: Manner, trusted = false): void {
    this.#runners.push(startSimulatedRunner({
      clock: this.clock, random: this.#random, name: `${manner} ${this.#runners.length + 1}`, manner, trusted, hub: () => this.#life?.hub ?? null,
    }));
  }

  runner(index: number): SimulatedRunner | undefined {
    return this.#runners[index % Math.max(1, this.#runners.length)];
  }

  /** From now on. */
  store(trouble: Trouble): void {
    this.#trouble = trouble;
    this.#becameWell();
  }

  start(): void {
    if (this.#life !== null) return;
    const { clock } = this;
    const [random, oracle, seen] = [this.#random, this.#oracle, this.#seen];
    const watched = { oracle, seen, unreliably: <T>(call: () => Promise<T>): Promise<T> => unreliably(call, { clock, random, ...this.#trouble }) };
    const [store, deadLetters] = [watchedStore(this.#memoryStore, watched), watchedLetters(this.#memoryLetters, watched)];
    const stop = new AbortController();
    const limits = { ...defaultPipelineLimits, unsettledMax, event: eventLimits, backoff: { delayMs: 50, delayMsMax: 1_000 }, circuit: { failuresMax: 5, delayMs: 200, delayMsMax: 2_000 } };
    const repair: Repair = new Repair({
      store, clock, limits: { checkIntervalMs }, isShared: false, backoff: limits.backoff, embedding: { embed: (text, how) => hub.service.embed(text, how) },
      observer: { repaired: () => seen('a text was embedded again'), adopted: () => seen('the work of a gateway that died was adopted'), failed: () => undefined },
    });
    const ledger: WorkLedger = {
      begin: (session, at, signal) => repair.begin(session, at, signal),
      vouched: (session, goodUntil) => repair.vouched(session, goodUntil),
      end: (session) => repair.end(session),
      distrust: (session, goodUntil) => {
        oracle.foundWrong(session, clock.monotonic());
        repair.distrust(session, goodUntil);
      },
    };
    const hub: RunnerHub = createRunnerHub({
      identity, golden, bounds, tokens: { shared: 's', trusted: 't', join: () => null }, clock, log: quiet, ledger, expectsTrusted: true, random, addressOf: () => '127.0.0.1',
      limits: { ...defaultHubLimits, pace: { ...defaultPace, deadlineMsMin: 3_000 }, checkIntervalMs, heartbeatMs: 1_000, drainGraceMs: 2_000, closeMsMax: 100 },
      observer: {
        job: () => undefined, runners: () => undefined, golden: () => undefined,
        requeued: () => seen('a job was given again'), quarantined: () => seen('a runner was quarantined'), lateAnswer: () => seen('a late answer was ignored'),
        crossCheck: (result) => seen(`a sample was ${result}`),
      },
    });
    const source = this.#log.source('group');
    const pipeline = runPipeline({
      source: watchedSource(source, watched), store, deadLetters, embedding: hub.service, clock, random, limits, signal: stop.signal,
      observer: {
        received: () => undefined, stored: () => undefined, storeWrite: () => undefined,
        superseded: () => seen('an event was superseded'), deadLettered: ({ reason }) => seen(`an event was dead-lettered: ${reason}`), cacheRequest: (result) => seen(`a text was found: ${result}`),
        retried: (dependency) => seen(`a call was repeated: ${dependency}`), circuit: (dependency, state) => seen(`the circuit of ${dependency} was ${state}`),
      },
      isDistrusted: (provenance) => repair.isDistrusted(provenance),
    });
    const ended = Promise.allSettled([
      pipeline.catch((error: unknown) => oracle.hold(false, `the pipeline ended: ${String(error)}`)),
      repair.run(stop.signal),
    ]);
    this.#life = { hub, repair, source, stop, ended };
    this.#becameWell();
  }

  /** In order, or as a kill would: then nothing that was settled in its last moment is committed. */
  async end(how: 'stop' | 'crash'): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    this.#becameWell();
    if (how === 'crash') life.source.crash();
    life.stop.abort();
    const state = { isOver: false };
    const over = Promise.all([life.ended, life.hub.close()]).then(() => (how === 'stop' ? life.repair.close() : undefined)).finally(() => { state.isOver = true; });
    for (let step = 0; !state.isOver && step < 1_000; step++) await this.pass(20);
    this.#oracle.hold(state.isOver, 'a gateway does not end');
    if (state.isOver) await over;
    await life.source[Symbol.asyncDispose]();
  }

  pass(ms: number): Promise<void> {
    return pass(this.clock, ms, () => this.#hold());
  }

  async isDrained(): Promise<boolean> {
    const source = this.#life?.source;
    return source !== undefined && source.unsettled() === 0 && (await source.lag()).every(({ lag }) => lag === 0);
  }

  leaveAll(): void {
    for (const runner of this.#runners) runner.leave();
  }

  /** When all is over: what was sent against what is stored. */
  async verify(): Promise<readonly string[]> {
    const found = [...this.violations];
    const events = new Map((await this.#memoryStore.events({}, 1_000)).map((event) => [event.id, event]));
    const letters = await this.#memoryLetters.list({ limit: 1_000, valueBytesMax: 0 });
    const newest = new Map<string, number>();
    const { sent } = this.#oracle;
    for (const one of sent) if (one.kind === 'valid') newest.set(uuidV5(idOf(one)), Math.max(newest.get(uuidV5(idOf(one))) ?? 0, timestampOf(one)));
    for (const [id, timestamp] of newest) {
      const event = events.get(id);
      if (event === undefined) found.push(`event ${id} is lost`);
      else if (event.timestamp !== timestamp) found.push(`event ${id} is not its newest version`);
    }
    for (const id of events.keys()) if (!newest.has(id)) found.push(`event ${id} is stored and should not be`);
    const buried = sent.filter(({ kind }) => kind !== 'valid').length;
    if (letters.length !== buried) found.push(`${letters.length} dead letters, not ${buried}`);
    return [...found, ...await this.wrongVectors()];
  }

  /** Texts of stored events that have a vector which is not theirs, or none. */
  async wrongVectors(): Promise<readonly string[]> {
    const names = new Map((await this.#memoryStore.events({}, 1_000)).map(({ textId, payload }) => [textId, String(JSON.parse(payload).product.name)]));
    const vectors = await this.#memoryStore.vectors([...names.keys()]);
    return [...names].flatMap(([id, name]) => {
      const vector = vectors.get(id);
      if (vector === undefined) return [`"${name}" has no vector`];
      return isOf(name, vector) || this.#oracle.mayBeWrong(id) ? [] : [`"${name}" has another text's vector`];
    });
  }

  #becameWell(): void {
    this.#wellSince = this.#life !== null && this.#trouble === noTrouble ? this.clock.monotonic() : Infinity;
  }

  /** In every turn. */
  #hold(): void {
    const oracle = this.#oracle;
    const now = this.clock.monotonic();
    this.trace = mixed(this.trace, now);
    oracle.hold(this.clock.sleeping <= sleepersMax(this.#runners.length), 'sleepers pile up');
    if (this.#life === null) return;
    const { source, hub } = this.#life;
    void source.lag().then((lags) => oracle.committed(lags));
    oracle.hold(source.unsettled() <= partitions * unsettledOfPartitionMax, 'more is unsettled than may be');
    const { waiting, inWork } = hub.fleetStats();
    oracle.hold(waiting + inWork <= tasksMax, 'texts pile up before the fleet');
    if (now - this.#wellSince < resumeMsMax + checkIntervalMs) return;
    for (const text of oracle.overdue(now - checkIntervalMs)) oracle.hold(false, `"${text}" still has the vector of a runner that was found wrong a check interval ago`);
  }
}

/** Of 32 bits; fractions of a millisecond count. */
export function mixed(trace: number, value: number): number {
  return Math.imul(trace ^ Math.round(value * 1_000), 0x01000193) + 1 | 0;
}
