// One gateway on a data folder, reached through links that can fail, with runners that can: what a run of mixed faults breaks.
import { readFileSync } from 'node:fs';
import { startFaultProxy, type FaultProxy } from '../../helpers/fault-proxy.ts';
import { startGateway, type RunningGateway } from '../../helpers/gateway-program.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { productNames } from './produced.ts';
import { referenceVectors } from './reference.ts';
import { startReferenceRunner, type Manner, type ReferenceRunner } from './reference-runner.ts';

const token = 'the-token-of-a-run';

export type Knowledge = { readonly reference: ReadonlyMap<string, Float32Array>; readonly golden: ReadonlyMap<string, Float32Array> };

/** What every run needs to know and none changes. */
export async function learn(): Promise<Knowledge> {
  const { cases }: { cases: { text: string; vector: number[] }[] } = JSON.parse(readFileSync('models/all-MiniLM-L6-v2/golden.json', 'utf8'));
  return { reference: await referenceVectors([...productNames, freshText]), golden: new Map(cases.map(({ text, vector }) => [text, Float32Array.from(vector)])) };
}

/** Of the event that is sent when all faults are over. */
export const freshText = 'a lamp that came last';

/** What must have happened in some run of many, or the faults prove nothing. */
export type Sightings = { requeued: number; retried: number; superseded: number; deadLettered: number; late: number; quarantined: number };

export type World = AsyncDisposable & {
  readonly dataDir: string;
  readonly producerLink: FaultProxy;
  readonly runnerLink: FaultProxy;
  gateway(): RunningGateway;
  /** Ends the one that runs, in this way, and starts the next on the same folder. */
  restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  join(name: string, manner: Manner): ReferenceRunner;
  /** Adds what the gateway that runs has counted; its counters end with it. */
  look(into: Sightings): Promise<void>;
};

export async function startWorld({ reference, golden }: Knowledge, sightings: Sightings, environment: Readonly<Record<string, string>>): Promise<World> {
  const folder = await temporaryFolder();
  const producerLink = await startFaultProxy();
  const runnerLink = await startFaultProxy();
  const runners: ReferenceRunner[] = [];
  const start = async (): Promise<RunningGateway> => {
    const started = await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0', VECTORSTREAM_RUNNER_TOKEN: token, LOG_LEVEL: 'warn', ...environment });
    const port = Number(new URL(started.url).port);
    producerLink.target(port);
    runnerLink.target(port);
    return started;
  };
  let gateway = await start();

  const look = async (into: Sightings): Promise<void> => {
    const { body } = await gateway.get('/metrics').catch(() => ({ body: '' }));
    const total = (name: string): number => [...String(body).matchAll(new RegExp(`^vectorstream_${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
    const stats = await gateway.stats().catch(() => null);
    into.requeued += total('jobs_requeued_total');
    into.retried += total('retries_total');
    into.late += total('late_answers_total');
    into.deadLettered += total('events_dead_lettered_total');
    into.quarantined += total('runners_quarantined_total');
    into.superseded += stats?.events.superseded ?? 0;
  };

  return {
    dataDir: folder.path,
    producerLink, runnerLink, look,
    gateway: () => gateway,
    async restart(signal) {
      await look(sightings);
      gateway.child.kill(signal);
      await gateway.ended;
      gateway = await start();
    },
    join(name, manner) {
      const runner = startReferenceRunner({ address: () => runnerLink.address, token, name, manner, vectors: reference, golden });
      runners.push(runner);
      return runner;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(runners.map((runner) => runner[Symbol.asyncDispose]()));
      await gateway[Symbol.asyncDispose]();
      await producerLink[Symbol.asyncDispose]();
      await runnerLink[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when every event that the gateway has is stored or dead-lettered, and committed. */
export async function settled(world: World, msMax: number): Promise<void> {
  await until('everything is settled', msMax, async () => {
    const { events: { lag, unsettled } } = await world.gateway().stats();
    return lag === 0 && unsettled === 0;
  });
}
