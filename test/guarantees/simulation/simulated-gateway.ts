// One life of a simulated gateway: the parts of a real one between its source and its store, on the
// world's clock, each watched.

import { eventLimits } from '#core/event/parse-event.ts';
import { defaultPace } from '#core/fleet/runner-pace.ts';
import type { ManualClock } from '#core/memory/manual-clock.ts';
import type { MemorySource } from '#core/memory/memory-source.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { DeadLetters, VectorStore } from '#core/ports.ts';
import { Repair } from '#core/trust/repair.ts';
import {
  createRunnerHub,
  defaultHubLimits,
  type RunnerHub,
} from '../../../gateway/fleet/runner-hub.ts';
import { bounds, golden, identity } from '../../helpers/fake-model.ts';
import {
  watchedLedger,
  watchedDeadLetters,
  watchedSource,
  watchedStore,
  type Watched,
} from './watched.ts';

export const checkIntervalMs = 8_000;
/** Events in hand at once, at most. */
const unsettledMax = 30;
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export type SimulatedGatewayOptions = {
  readonly clock: ManualClock;
  readonly random: () => number;
  /** This life's; what is not committed at its end comes again in the next. */
  readonly source: MemorySource;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly watched: Watched;
};

export type SimulatedGateway = {
  readonly hub: RunnerHub;
  readonly source: MemorySource;
  /**
   * In order, or as a kill would: then nothing that was settled in its last moment is committed.
   * Resolves when nothing of it runs.
   */
  end(how: 'stop' | 'crash'): Promise<void>;
};

export function startSimulatedGateway({
  clock,
  random,
  source,
  watched,
  ...outside
}: SimulatedGatewayOptions): SimulatedGateway {
  const { seen, oracle } = watched;
  const [store, deadLetters] = [
    watchedStore(outside.store, watched),
    watchedDeadLetters(outside.deadLetters, watched),
  ];
  const stop = new AbortController();
  const limits = {
    ...defaultPipelineLimits,
    unsettledMax,
    event: eventLimits,
    backoff: { delayMs: 50, delayMsMax: 1_000 },
    circuit: { failuresMax: 5, delayMs: 200, delayMsMax: 2_000 },
  };
  const repair: Repair = new Repair({
    store,
    clock,
    limits: { checkIntervalMs },
    isShared: false,
    backoff: limits.backoff,
    embedding: { embed: (text, how) => hub.service.embed(text, how) },
    observer: {
      repaired: () => seen('a text was embedded again'),
      refused: () => seen('a text was refused'),
      adopted: () => seen('the work of a gateway that died was adopted'),
      failed: () => undefined,
    },
  });
  const hub: RunnerHub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens: { shared: 's', trusted: 't', join: () => null },
    clock,
    log: quiet,
    provenanceLog: watchedLedger(repair, clock, watched),
    expectsTrusted: true,
    random,
    addressOf: () => '127.0.0.1',
    limits: {
      ...defaultHubLimits,
      pace: { ...defaultPace, deadlineMsMin: 3_000 },
      checkIntervalMs,
      heartbeatMs: 1_000,
      drainGraceMs: 2_000,
      closeMsMax: 100,
    },
    observer: {
      job: () => undefined,
      runners: () => undefined,
      golden: () => undefined,
      requeued: () => seen('a job was given again'),
      quarantined: () => seen('a runner was quarantined'),
      lateAnswer: () => seen('a late answer was ignored'),
      crossCheck: (result) => seen(`a sample was ${result}`),
    },
  });
  const pipeline = runPipeline({
    source: watchedSource(source, watched),
    store,
    deadLetters,
    embedding: hub.service,
    clock,
    random,
    limits,
    signal: stop.signal,
    observer: {
      received: () => undefined,
      stored: () => undefined,
      storeWrite: () => undefined,
      superseded: () => seen('an event was superseded'),
      deadLettered: ({ reason }) => seen(`an event was dead-lettered: ${reason}`),
      cacheRequest: (result) => seen(`a text was found: ${result}`),
      retried: (dependency) => seen(`a call was repeated: ${dependency}`),
      circuit: (dependency, state) => seen(`the circuit of ${dependency} was ${state}`),
    },
    isDistrusted: (provenance) => repair.isDistrusted(provenance),
  }).catch((error: unknown) => oracle.hold(false, `the pipeline ended: ${String(error)}`));
  const repairing = repair.run(stop.signal);

  return {
    hub,
    source,
    async end(how) {
      if (how === 'crash') source.crash();
      stop.abort();
      await Promise.all([pipeline, repairing, hub.close()]);
      if (how === 'stop') await repair.close();
      await source[Symbol.asyncDispose]();
    },
  };
}
