// A gateway's runner hub and repair on memory adapters and a manual clock: runners use real
// sockets, and texts are stored as in the pipeline.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { documentOf } from '#core/event/text.ts';
import { defaultPace } from '#core/fleet/runner-pace.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { Guard, isRetryable } from '#core/pipeline/dependency-guard.ts';
import { defaultPipelineLimits } from '#core/pipeline/pipeline.ts';
import { createTextResolver } from '#core/pipeline/text-resolver.ts';
import type { ProductEvent, VectorStore } from '#core/ports.ts';
import { Repair } from '#core/trust/repair.ts';
import type { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { RunnerTokens } from '../../gateway/access/runner-admission.ts';
import {
  createRunnerHub,
  defaultHubLimits,
  type RunnerHub,
} from '../../gateway/fleet/runner-hub.ts';
import { bounds, dimensions, fakeVector, golden, identity } from '../helpers/fake-model.ts';
import { runningBlocks } from '../helpers/hub-parts.ts';
import { silentObserver } from '../helpers/silent-observer.ts';
import { until } from '../helpers/until.ts';

export const trustedToken = 'trusted-token';
export const tokens: RunnerTokens = {
  shared: 'shared-token',
  trusted: [trustedToken],
  join: () => null,
};
export const checkIntervalMs = 60_000;

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export type World = AsyncDisposable & {
  readonly hub: RunnerHub;
  readonly blocks: RunnerBlocks;
  readonly url: string;
  readonly clock: ManualClock;
  readonly store: VectorStore;
  readonly seen: string[];
  /** Stores `count` new texts; resolves when all are stored. */
  feed(count: number): Promise<void>;
  /** Advances the clock, and waits until the fleet is idle. */
  pass(ms: number): Promise<void>;
  ready(count: number): Promise<void>;
  /** Texts whose vector in the store is not the right one. */
  wrong(): Promise<readonly string[]>;
  /** Texts that have no vector now. */
  missing(): Promise<number>;
};

export type WorldOptions = {
  readonly clock?: ManualClock;
  readonly store?: VectorStore;
  readonly from?: number;
  readonly tokens?: RunnerTokens;
  /** Which texts are checked depends on it. */
  readonly random?: () => number;
};

export function eventOf(n: number): ProductEvent {
  const product = {
    id: `p${n}`,
    name: `product ${n}`,
    description: null,
    category: null,
    price: 1,
  };
  return {
    eventId: `e${n}`,
    id: `e${n}`,
    eventType: 'view',
    timestamp: n,
    userId: 'u',
    sessionId: 's',
    product,
    searchQuery: null,
    payload: '{}',
  };
}

/** `from`: the number of the first text that is fed. */
export async function openWorld({
  clock = new ManualClock(),
  store = createMemoryStore({ dimensions, now: () => clock.now() }),
  from = 0,
  tokens: own = tokens,
  random = Math.random,
}: WorldOptions = {}): Promise<World> {
  const seen: string[] = [];
  const stop = new AbortController();
  const backoff = { delayMs: 100, delayMsMax: 1_000 };
  const blocks = runningBlocks(clock, stop.signal, store.runnerBlockStore);
  const repair: Repair = new Repair({
    store,
    clock,
    limits: { checkIntervalMs },
    isShared: false,
    backoff,
    embedding: { embed: (text, options) => hub.service.embed(text, options) },
    observer: {
      repaired: (texts) => seen.push(`repaired ${texts}`),
      refused: ({ id }) => seen.push(`refused ${id}`),
      adopted: () => seen.push('adopted'),
      failed: (error) => seen.push(`failed ${String(error)}`),
    },
  });
  const hub: RunnerHub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens: own,
    clock,
    log: quiet,
    provenanceLog: repair,
    expectsTrusted: false,
    random,
    addressOf: () => '127.0.0.1',
    addressMark: (address) => address,
    blocks,
    // The manual clock runs ahead of the sockets: that must not end any connection.
    limits: {
      ...defaultHubLimits,
      pace: { ...defaultPace, deadlineMsMin: 600_000 },
      checkIntervalMs,
      heartbeatMs: 600_000,
      tickMs: 1_000,
      closeMsMax: 500,
    },
    observer: {
      job: () => undefined,
      requeued: () => undefined,
      lateAnswer: () => undefined,
      runners: () => undefined,
      golden: () => undefined,
      quarantined: () => seen.push('quarantined'),
      crossCheck: (result) => seen.push(result),
    },
  });
  const guard = new Guard({
    dependency: 'store',
    retryable: isRetryable,
    backoff,
    circuit: defaultPipelineLimits.circuit,
    clock,
    random: () => 0.5,
    signal: stop.signal,
    observer: silentObserver,
  });
  const texts = createTextResolver({
    store,
    embedding: hub.service,
    guard,
    clock,
    random: () => 0.5,
    limits: { ...defaultPipelineLimits, batchAgeMsMax: 0 },
    observer: silentObserver,
    signal: stop.signal,
    isDistrusted: (provenance) => repair.isDistrusted(provenance),
  });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => hub.upgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the test server has no port');
  const running = repair.run(stop.signal);

  let fed = from;
  const documents = (): ReturnType<typeof documentOf>[] =>
    Array.from({ length: fed }, (_, n) => documentOf(eventOf(n)));
  const atRest = async (): Promise<void> => {
    // Answers come over real sockets, so the clock must wait for them.
    await until('the fleet is at rest', 60_000, () => {
      const { waiting, inWork } = hub.fleetStats();
      return waiting + inWork === 0;
    });
  };
  return {
    hub,
    blocks,
    clock,
    store,
    seen,
    url: `ws://127.0.0.1:${address.port}/runners/connect`,
    async feed(count) {
      const stored = Promise.all(
        Array.from({ length: count }, async () => {
          const outcome = await texts.ensure(documentOf(eventOf(fed++)));
          if (!outcome.ok) throw new Error(outcome.message);
        }),
      );
      const state = { isDone: false };
      const done = stored.finally(() => {
        state.isDone = true;
      });
      // Writes wait for the batch to fill, by the manual clock.
      while (!state.isDone) {
        await clock.advance(1);
        await setImmediate();
      }
      await done;
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= 1_000) {
        await clock.advance(Math.min(left, 1_000));
        await atRest();
      }
    },
    async ready(count) {
      await until(
        `${count} runners are ready`,
        60_000,
        () => hub.runners().filter(({ state }) => state === 'ready').length === count,
      );
    },
    async wrong() {
      const all = documents();
      const vectors = await store.vectors(all.map(({ textId }) => textId));
      return all.flatMap(({ textId, text }) => {
        const vector = vectors.get(textId);
        return vector === undefined || cosine(vector, fakeVector(text)) > 0.999 ? [] : [text];
      });
    },
    async missing() {
      const all = documents();
      return all.length - (await store.vectors(all.map(({ textId }) => textId))).size;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await hub.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
