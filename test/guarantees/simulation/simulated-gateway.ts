// One life of a simulated gateway: the parts of a real one between its source and its store, on the
// world's clock. The oracle watches each part.

import { nothingErased } from '#core/erasure/tombstones.ts';
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
import { loadedBlocks } from '../../helpers/hub-parts.ts';
import { silentObserver } from '../../helpers/silent-observer.ts';
import {
  watchedProvenance,
  watchedDeadLetters,
  watchedSource,
  watchedStore,
  type Watched,
} from './watched.ts';

export const checkIntervalMs = 8_000;
/** The most in-flight events. */
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
  /** Of this life only; the next life reads again what this one did not commit. */
  readonly source: MemorySource;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly watched: Watched;
};

export type SimulatedGateway = {
  readonly hub: RunnerHub;
  readonly source: MemorySource;
  /**
   * In order (`stop`), or like a kill (`crash`): then what was settled last is not committed.
   * Resolves when nothing of this gateway runs any more.
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
      adopted: () => seen('the work of a killed gateway was adopted'),
      failed: () => undefined,
    },
  });
  const hub: RunnerHub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens: { shared: 's', trusted: ['t'], join: () => null },
    clock,
    log: quiet,
    provenanceLog: watchedProvenance(repair, clock, watched),
    expectsTrusted: true,
    random,
    addressOf: () => '127.0.0.1',
    addressMark: (address) => address,
    blocks: loadedBlocks(clock),
    limits: {
      ...defaultHubLimits,
      // There are few texts.
      provingTexts: 1,
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
      requeued: () => seen('a job was reassigned'),
      quarantined: () => seen('a runner was quarantined'),
      lateAnswer: () => seen('a late answer was ignored'),
      crossCheck: (result) => seen(`a cross-check ${result}`),
    },
  });
  const pipeline = runPipeline({
    erased: nothingErased,
    source: watchedSource(source, watched),
    store,
    deadLetters,
    embedding: hub.service,
    clock,
    random,
    limits,
    signal: stop.signal,
    observer: {
      ...silentObserver,
      superseded: () => seen('an event was superseded'),
      deadLettered: ({ reason }) => seen(`an event was dead-lettered: ${reason}`),
      cacheRequest: (result) => seen(`a text was found: ${result}`),
      retried: (dependency) => seen(`a call was retried: ${dependency}`),
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
