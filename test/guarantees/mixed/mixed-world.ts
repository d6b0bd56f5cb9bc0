// The world of a run of mixed faults: gateways behind links that can fail, and runners that
// misbehave.

import { readFileSync } from 'node:fs';
import type { FaultProxy } from '../../helpers/fault-proxy.ts';
import { startGateway, type RunningGateway } from '../../helpers/gateway-program.ts';
import { until } from '../../helpers/until.ts';
import type { Stored } from './mixed-oracle.ts';
import { productNames } from './produced.ts';
import { startReferenceRunner, type Behaviour, type ReferenceRunner } from './reference-runner.ts';
import { referenceVectors } from './reference.ts';

export type References = {
  readonly reference: ReadonlyMap<string, Float32Array>;
  readonly golden: ReadonlyMap<string, Float32Array>;
};

/** Loads the right vectors; all runs share them. */
export async function loadReferences(): Promise<References> {
  const { cases }: { cases: { text: string; vector: number[] }[] } = JSON.parse(
    readFileSync('models/all-MiniLM-L6-v2/golden.json', 'utf8'),
  );
  return {
    reference: await referenceVectors([...productNames, freshText]),
    golden: new Map(cases.map(({ text, vector }) => [text, Float32Array.from(vector)])),
  };
}

/** The text of the event that is sent when all faults are over. */
export const freshText = 'a lamp that came last';

export type World = AsyncDisposable & {
  /** By name. */
  readonly links: ReadonlyMap<string, FaultProxy>;
  readonly gateways: readonly Gateway[];
  /** The address of the gateway for the producer. */
  readonly url: string;
  /** A runner that serves every gateway. */
  join(name: string, behaviour: Behaviour): AsyncDisposable;
  /** Called for each answer that acknowledges events. */
  acknowledged?(): void;
  /** How long a new event may take to be searchable after the last fault; 10 s when absent. */
  readonly freshMsMax?: number;
  /** Every accepted event is stored or dead-lettered, and committed. */
  isSettled(): Promise<boolean>;
  /** Read from the engines themselves, once no gateway runs. */
  stored(): Promise<Stored>;
};

/** What must have happened in at least one of many runs, or the faults prove nothing. */
export type Sightings = Record<
  | 'requeued'
  | 'retried'
  | 'superseded'
  | 'deadLettered'
  | 'late'
  | 'circuitsOpened'
  | 'bisected'
  /** Events that a gateway read from its source a second time. */
  | 'replayed'
  /** Power losses that destroyed something; starts on a write-protected disk. */
  | 'torn'
  | 'startsRefused'
  /** Requests that were carried out, but whose answer was lost. */
  | 'resultsLost'
  | 'writeAnswersLost'
  | 'commitAnswersLost'
  | 'deadLetterAnswersLost'
  /** Gateways that joined a running group and got work. */
  | 'rebalanced',
  number
>;
export const noSightings = (): Sightings => ({
  requeued: 0,
  retried: 0,
  superseded: 0,
  deadLettered: 0,
  late: 0,
  circuitsOpened: 0,
  bisected: 0,
  replayed: 0,
  torn: 0,
  startsRefused: 0,
  resultsLost: 0,
  writeAnswersLost: 0,
  commitAnswersLost: 0,
  deadLetterAnswersLost: 0,
  rebalanced: 0,
});

/** Names of those that happened in no run. */
export const unseen = (
  sightings: Sightings,
  names: readonly (keyof Sightings)[],
): readonly string[] => names.filter((name) => sightings[name] === 0);

export const runnerToken = 'the-token-of-a-run';
export const trustedToken = 'the-token-of-trusted-runners';
/** On a machine that does much else. */
const endMsMax = 15_000;
const clock = `--import=${new URL('jumping-clock.ts', import.meta.url).href}`;

/** A gateway that is restarted on its folder; its links follow it to its new port. */
export class Gateway implements AsyncDisposable {
  readonly #start: () => Promise<RunningGateway>;
  readonly #sightings: Sightings;
  #running: RunningGateway;
  #received = 0;

  private constructor(
    start: () => Promise<RunningGateway>,
    sightings: Sightings,
    running: RunningGateway,
  ) {
    this.#start = start;
    this.#sightings = sightings;
    this.#running = running;
  }

  static async start(
    dataDir: string,
    links: readonly FaultProxy[],
    sightings: Sightings,
    environment: Readonly<Record<string, string>> = {},
    through: readonly string[] = [],
  ): Promise<Gateway> {
    const start = async (): Promise<RunningGateway> => {
      const started = await startGateway(
        dataDir,
        {
          VECTORSTREAM_RUNNERS: '0',
          VECTORSTREAM_RUNNER_TOKEN: runnerToken,
          VECTORSTREAM_TRUSTED_RUNNER_TOKEN: trustedToken,
          // Clocks jump.
          VECTORSTREAM_INGEST_TIMESTAMP_AHEAD_SECONDS_MAX: '86400',
          LOG_LEVEL: 'warn',
          NODE_OPTIONS: clock,
          ...environment,
        },
        [],
        through,
      );
      for (const link of links) link.target(Number(new URL(started.url).port));
      return started;
    };
    return new Gateway(start, sightings, await start());
  }

  get running(): RunningGateway {
    return this.#running;
  }

  /** Events read from the source in all its lives, counted just before each end: a lower bound. */
  get received(): number {
    return this.#received;
  }

  async restart(
    signal: 'SIGKILL' | 'SIGTERM',
    meanwhile: () => Promise<void> | void = () => undefined,
  ): Promise<void> {
    await this.end(signal);
    await meanwhile();
    this.#running = await this.#start();
  }

  /** The cause makes the gateway end by itself; once it is undone, the gateway starts again. */
  async restartAfter(cause: () => Promise<void>, undo: () => Promise<void>): Promise<void> {
    await this.#look();
    const { ended } = this.#running;
    let hasEnded = false;
    void ended.then(() => {
      hasEnded = true;
    });
    await cause();
    await until('the gateway has ended by itself', endMsMax, () => hasEnded);
    await undo();
    this.#running = await this.#start();
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#look();
    this.#running.child.kill(signal);
    await this.#running.ended;
  }

  /** Every event that this gateway read is stored or dead-lettered, and committed. */
  async isIdle(): Promise<boolean> {
    const {
      events: { lag, unsettled },
    } = await this.#running.stats();
    return lag === 0 && unsettled === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  /** Adds its counters to the sightings, since they end with the process. */
  async #look(): Promise<void> {
    const { body } = await this.#running.get('/metrics').catch(() => ({ body: '' }));
    const total = (name: string): number =>
      [
        ...String(body).matchAll(new RegExp(`^vectorstream_${name}(?:\\{.*\\})? (\\S+)$`, 'gm')),
      ].reduce((sum, [, value]) => sum + Number(value), 0);
    const stats = await this.#running.get('/stats').catch(() => null);
    this.#received += total('events_received_total');
    this.#sightings.requeued += total('jobs_requeued_total');
    this.#sightings.retried += total('retries_total');
    this.#sightings.late += total('late_answers_total');
    this.#sightings.deadLettered += total('events_dead_lettered_total');
    this.#sightings.circuitsOpened +=
      this.#running.stdout().split('"a dependency is down;').length - 1;
    this.#sightings.superseded += Number(Object(Object(stats?.body).events).superseded ?? 0);
  }
}

/** One runner with a connection to each gateway. Poison ends only at trusted ones. */
export function joinAll(
  links: readonly FaultProxy[],
  { reference, golden }: References,
  name: string,
  behaviour: Behaviour,
  token = trustedToken,
): AsyncDisposable {
  const runners = links.map((link): ReferenceRunner =>
    startReferenceRunner({
      address: link.address,
      token,
      name,
      behaviour,
      vectors: reference,
      golden,
    }),
  );
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(runners.map((runner) => runner[Symbol.asyncDispose]()));
    },
  };
}
