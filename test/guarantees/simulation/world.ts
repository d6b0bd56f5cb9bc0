// The whole program but for its sockets and files, in one process on a clock moved by hand: every step is held to the promises.
import { setImmediate } from 'node:timers/promises';
import { eventLimits } from '#core/event.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog, type MemorySource } from '#core/memory/memory-source.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { defaultPace } from '#core/pace.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline.ts';
import type { DeadLetters, LogRecord, VectorStore } from '#core/ports.ts';
import { Repair } from '#core/repair.ts';
import { uuidV5 } from '#core/uuid.ts';
import { cosine } from '#core/vector.ts';
import { createRunnerHub, defaultHubLimits, type RunnerHub } from '../../../gateway/runner-hub.ts';
import { bounds, dimensions, fakeVector, golden, identity } from '../../helpers/fake-model.ts';
import { unreliably, watchedSource } from '../../helpers/unreliable.ts';
import { startSimulatedRunner, type Manner, type SimulatedRunner } from './runner.ts';

export const checkIntervalMs = 8_000;
const startsAt = Date.UTC(2026, 10, 23, 12);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const silent = {
  received: () => undefined, stored: () => undefined, superseded: () => undefined, deadLettered: () => undefined,
  cacheRequest: () => undefined, storeWrite: () => undefined, retried: () => undefined, circuit: () => undefined,
};
const encode = (text: string) => new TextEncoder().encode(text);

/** What is sent: a valid event of one of few products, in one of few versions; or one that is bad, or whose text kills runners. */
export type Sent = { readonly kind: 'valid' | 'not-json' | 'bad-price' | 'poison'; readonly event: number; readonly version: number };

const nameOf = ({ kind, event }: Sent): string => (kind === 'poison' ? `poison ${event % 3}` : `product ${event % 8}`);
const idOf = ({ kind, event }: Sent): string => `${kind}-${event}`;

function recordOf(sent: Sent): LogRecord {
  const { kind, event, version } = sent;
  const timestamp = new Date(startsAt - 3_600_000 + version * 1_000).toISOString();
  const value = kind === 'not-json' ? `{"event_id": ${event}.${version}` : JSON.stringify({
    event_id: idOf(sent), timestamp, user_id: `u${event}`, session_id: 's', event_type: 'view',
    product: { id: nameOf(sent), name: nameOf(sent), price: kind === 'bad-price' ? -1 : 5 },
  });
  return { key: encode(idOf(sent)), value: encode(value), headers: {}, timestamp: startsAt };
}

type Life = { readonly hub: RunnerHub; readonly source: MemorySource; readonly stop: AbortController; readonly ended: Promise<unknown> };

export class SimulatedWorld {
  readonly clock = new ManualClock(startsAt);
  readonly #random: () => number;
  readonly #log = createMemoryLog({ partitions: 3, unsettledMax: 40, batchMax: 7 });
  readonly #store: VectorStore;
  readonly #letters: DeadLetters;
  readonly #memoryStore = createMemoryStore({ dimensions, now: () => this.clock.now() });
  readonly #memoryLetters = createMemoryDeadLetters();
  readonly #sent: Sent[] = [];
  /** Ids of events, and of letters, that were written. */
  readonly #durable = { events: new Set<string>(), letters: new Set<string>() };
  readonly #runners: SimulatedRunner[] = [];
  #life: Life | null = null;
  #faultRate = 0;
  #joined = 0;
  readonly violations: string[] = [];

  constructor(random: () => number) {
    this.#random = random;
    const [store, letters] = [this.#memoryStore, this.#memoryLetters];
    const flaky = <T>(call: () => Promise<T>): Promise<T> => unreliably(call, { clock: this.clock, random, faultRate: this.#faultRate });
    this.#store = {
      ...store,
      batchMax: { texts: 5, events: 9 },
      knownTexts: (ids) => flaky(() => store.knownTexts(ids)),
      putTexts: (texts) => flaky(() => store.putTexts(texts)),
      putEvents: (events) => flaky(async () => {
        const outcomes = await store.putEvents(events);
        events.forEach(({ event }, index) => {
          if (outcomes[index]?.status === 'stored' || outcomes[index]?.status === 'superseded') this.#durable.events.add(event.eventId);
        });
        return outcomes;
      }),
      vouching: {
        ...store.vouching,
        mark: (mark) => flaky(() => store.vouching.mark(mark)),
        withhold: (work) => flaky(() => store.vouching.withhold(work)),
        embeddedBy: (work, limit) => flaky(() => store.vouching.embeddedBy(work, limit)),
        withheld: (limit) => flaky(() => store.vouching.withheld(limit)),
      },
    };
    this.#letters = { ...letters, put: (added) => flaky(async () => {
      await letters.put(added);
      for (const { id } of added) this.#durable.letters.add(id);
    }) };
  }

  async send(events: readonly Sent[]): Promise<void> {
    this.#sent.push(...events);
    await this.#log.sink.append(events.map(recordOf));
  }

  join(manner: Manner, trusted = false): void {
    this.#joined += 1;
    this.#runners.push(startSimulatedRunner({
      clock: this.clock, random: this.#random, name: `${manner} ${this.#joined}`, manner, trusted, hub: () => this.#life?.hub ?? null,
    }));
  }

  runner(index: number): SimulatedRunner | undefined {
    return this.#runners[index % Math.max(1, this.#runners.length)];
  }

  /** From now on the store and the dead-letter queue fail at this rate, before a call and after it was carried out; at 1 they are down. */
  store(faultRate: number): void {
    this.#faultRate = faultRate;
  }

  start(): void {
    if (this.#life !== null) return;
    const { clock } = this;
    const [store, deadLetters, random] = [this.#store, this.#letters, this.#random];
    const stop = new AbortController();
    const limits = { ...defaultPipelineLimits, event: eventLimits, backoff: { delayMs: 50, delayMsMax: 1_000 }, circuit: { failuresMax: 5, delayMs: 200, delayMsMax: 2_000 } };
    const repair: Repair = new Repair({
      store, clock, limits: { checkIntervalMs }, isShared: false, backoff: limits.backoff, embedding: { embed: (text, how) => hub.service.embed(text, how) },
      observer: { repaired: () => undefined, adopted: () => undefined, failed: () => undefined },
    });
    const hub: RunnerHub = createRunnerHub({
      identity, golden, bounds, tokens: { shared: 's', trusted: 't', join: () => null }, clock, log: quiet, ledger: repair, expectsTrusted: true, random, addressOf: () => '127.0.0.1',
      limits: { ...defaultHubLimits, pace: { ...defaultPace, deadlineMsMin: 3_000 }, checkIntervalMs, heartbeatMs: 1_000, drainGraceMs: 2_000, closeMsMax: 100 },
      observer: { job: () => undefined, requeued: () => undefined, quarantined: () => undefined, lateAnswer: () => undefined, runners: () => undefined, golden: () => undefined, crossCheck: () => undefined },
    });
    const source = this.#log.source('group');
    const pipeline = runPipeline({
      source: watchedSource(source, this.#durable, (isKept, otherwise) => (isKept ? undefined : this.violations.push(otherwise))), store, deadLetters, embedding: hub.service, clock, random, limits, observer: silent, signal: stop.signal,
      isDistrusted: (provenance) => repair.isDistrusted(provenance),
    });
    const ended = Promise.allSettled([
      pipeline.catch((error: unknown) => this.violations.push(`the pipeline ended: ${String(error)}`)),
      repair.run(stop.signal),
    ]);
    this.#life = { hub, source, stop, ended };
  }

  /** In order, or as a kill would: then nothing that was settled in its last moment is committed. */
  async end(how: 'stop' | 'crash'): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    if (how === 'crash') life.source.crash();
    life.stop.abort();
    const state = { isOver: false };
    const over = Promise.all([life.ended, life.hub.close()]).finally(() => { state.isOver = true; });
    for (let step = 0; !state.isOver && step < 1_000; step++) await this.pass(20);
    if (!state.isOver) this.violations.push('a gateway does not end');
    else await over;
    await life.source[Symbol.asyncDispose]();
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    // The hub assigns once for all that was handed in in one turn of the event loop.
    await setImmediate();
    await this.clock.advance(0);
  }

  async isDrained(): Promise<boolean> {
    const source = this.#life?.source;
    return source !== undefined && source.unsettled() === 0 && (await source.lag()).every(({ lag }) => lag === 0);
  }

  leaveAll(): void {
    for (const runner of this.#runners.splice(0)) runner.leave();
  }

  /** When all is over: what was sent against what is stored. */
  async verify(): Promise<readonly string[]> {
    const found = [...this.violations];
    const events = new Map((await this.#memoryStore.events({}, 1_000)).map((event) => [event.id, event]));
    const letters = await this.#memoryLetters.list({ limit: 1_000, valueBytesMax: 0 });
    const newest = new Map<string, number>();
    for (const sent of this.#sent.filter(({ kind }) => kind === 'valid')) {
      newest.set(uuidV5(idOf(sent)), Math.max(newest.get(uuidV5(idOf(sent))) ?? 0, sent.version));
    }
    for (const [id, version] of newest) {
      const event = events.get(id);
      if (event === undefined) found.push(`event ${id} is lost`);
      else if (event.timestamp !== startsAt - 3_600_000 + version * 1_000) found.push(`event ${id} is not its newest version`);
    }
    for (const id of events.keys()) if (!newest.has(id)) found.push(`event ${id} is stored and should not be`);
    const expected = { not_json: 'not-json', invalid_event: 'bad-price', embedding_failed: 'poison' } as const;
    for (const [reason, kind] of Object.entries(expected)) {
      const [is, shouldBe] = [letters.filter((letter) => letter.reason === reason).length, this.#sent.filter((sent) => sent.kind === kind).length];
      if (is !== shouldBe) found.push(`${is} letters for ${reason}, not ${shouldBe}`);
    }
    const others = letters.filter(({ reason }) => !(reason in expected));
    if (others.length > 0) found.push(`${others.length} letters for ${others[0]?.reason}`);
    return [...found, ...await this.wrongVectors()];
  }

  /** Texts of stored events that have a vector which is not theirs, or none. */
  async wrongVectors(): Promise<readonly string[]> {
    const ids = new Map((await this.#memoryStore.events({}, 1_000)).map(({ textId, payload }) => [textId, String(JSON.parse(payload).product.name)]));
    const vectors = await this.#memoryStore.vectors([...ids.keys()]);
    return [...ids].flatMap(([id, name]) => {
      const vector = vectors.get(id);
      if (vector === undefined) return [`"${name}" has no vector`];
      return cosine(vector, fakeVector(name)) > 0.999 ? [] : [`"${name}" has another text's vector`];
    });
  }
}
