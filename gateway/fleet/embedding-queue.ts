// Gives callers a promise for each text that the fleet embeds: it settles once, or rejects when its
// caller aborts.

import { assert } from '#core/errors/assert.ts';
import { DependencyError } from '#core/errors/errors.ts';
import type { Lane } from '#core/fleet/backlog.ts';
import type { Fleet } from '#core/fleet/fleet.ts';
import type { TaskResult } from '#core/fleet/task-result.ts';
import type { Clock, EmbeddingService, FleetResult, Provenance } from '#core/ports.ts';
import { wireLimits } from '#core/protocol/wire.ts';
import { SearchHedges, type SearchHedgesOptions } from './search-hedges.ts';

/** A caller that waits for its text's vector. */
type Waiting = {
  readonly resolve: (result: FleetResult) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal;
};

/** The texts that wait under one signal. They share one listener, which `release` removes. */
type UnderSignal = { readonly ids: Set<string>; readonly release: () => void };

export class EmbeddingQueue implements EmbeddingService {
  readonly #fleet: Fleet;
  readonly #onSubmit: () => void;
  readonly #hedges: SearchHedges;
  /** Waiting texts by task id. */
  readonly #waiting = new Map<string, Waiting>();
  /** Adding a listener to a signal takes longer the more it has, so all texts share one. */
  readonly #signals = new Map<AbortSignal, UnderSignal>();
  #lastTask = 0;
  #isClosed = false;

  /** `onSubmit` is called after each new text. */
  constructor(
    fleet: Fleet,
    {
      clock,
      limits,
      onSubmit,
    }: {
      readonly clock: Clock;
      readonly limits: SearchHedgesOptions['limits'];
      readonly onSubmit: () => void;
    },
  ) {
    this.#fleet = fleet;
    this.#onSubmit = onSubmit;
    this.#hedges = new SearchHedges({ fleet, clock, limits, onHedge: onSubmit });
  }

  embed(
    text: string,
    {
      priority,
      signal,
      onlyFor = null,
    }: {
      readonly priority: Lane | 'request';
      readonly signal: AbortSignal;
      /** Only runners of this owner get it. */
      readonly onlyFor?: string | null;
    },
  ): Promise<FleetResult> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#isClosed) return Promise.reject(closedError('no more texts are embedded'));
    if (text.length > wireLimits.textCharsMax) return Promise.resolve(tooLong(text.length));
    const id = `text-${++this.#lastTask}`;
    const lane = priority === 'request' ? 'search' : priority;
    if (!this.#fleet.submit({ id, text, lane, onlyFor })) return Promise.reject(fullError());
    if (priority === 'search') void this.#hedges.watch(id);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, signal });
      this.#underSignal(signal).ids.add(id);
      this.#onSubmit();
    });
  }

  /**
   * Gives results to their callers. `provenance` is that of the runner that answered; `null` when
   * all results are failures.
   */
  settle(ended: readonly TaskResult[], provenance: Provenance | null): void {
    for (const result of ended) {
      const id = this.#hedges.ended(result);
      if (id !== null) this.#take(id)?.resolve(fleetResult(result, provenance));
    }
  }

  /** Rejects every text that waits, and every later one. */
  close(): void {
    this.#isClosed = true;
    for (const id of this.#waiting.keys())
      this.#drop(id, closedError('this text was not embedded'));
  }

  #underSignal(signal: AbortSignal): UnderSignal {
    const present = this.#signals.get(signal);
    if (present !== undefined) return present;
    const ids = new Set<string>();
    const onAbort = (): void => {
      for (const id of ids) this.#drop(id, signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const release = (): void => signal.removeEventListener('abort', onAbort);
    const added = { ids, release };
    this.#signals.set(signal, added);
    return added;
  }

  #drop(id: string, reason: unknown): void {
    this.#fleet.cancel(id);
    this.#hedges.drop(id);
    this.#take(id)?.reject(reason);
  }

  /** The caller no longer waits for this text. */
  #take(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    const { ids, release } = this.#underSignal(waiting.signal);
    ids.delete(id);
    if (ids.size === 0) {
      this.#signals.delete(waiting.signal);
      release();
    }
    return waiting;
  }
}

function fleetResult(result: TaskResult, provenance: Provenance | null): FleetResult {
  if (!result.ok) {
    const { code, message, attempts, runner } = result;
    return { ok: false, code, message, attempts, runner };
  }
  assert(provenance !== null, 'A vector came from no runner');
  const { vector, tokens } = result;
  return {
    ok: true,
    embedding: { vector, provenance },
    ...(tokens !== undefined && { tokens }),
  };
}

function tooLong(chars: number): FleetResult {
  return {
    ok: false,
    code: 'text_too_long',
    message: `The text has ${chars} characters; the maximum is ${wireLimits.textCharsMax}.`,
    attempts: 0,
    runner: null,
  };
}

const closedError = (consequence: string): DependencyError =>
  new DependencyError('fleet', 'fleet_closed', `The gateway is shutting down: ${consequence}.`, {
    retryable: true,
  });

const fullError = (): DependencyError =>
  new DependencyError('fleet', 'fleet_full', 'The embedding queue is full; try again later.', {
    retryable: true,
  });
