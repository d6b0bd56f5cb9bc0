// One gateway with its log and store in a folder and a real runner of its own, which it trusts;
// quicker ones come that are odd, or lie.

import { setTimeout as pass } from 'node:timers/promises';
import { startFaultProxy } from '../../helpers/fault-proxy.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { embeddedLinks } from './embedded-world.ts';
import { commonFaults, type Fault } from './faults.ts';
import { readEmbedded, vectorViolations } from './mixed-oracle.ts';
import {
  Gateway,
  joinAll,
  runnerToken,
  type Knowledge,
  type Sightings,
  type World,
} from './mixed-world.ts';
import { startReferenceRunner } from './reference-runner.ts';

/** Jobs that liars answered, over all runs. */
export type Lies = { answered: number };
export type LyingWorld = World & { lie(ms: number): Promise<void> };

const environment = {
  VECTORSTREAM_RUNNERS: '1',
  VECTORSTREAM_RUNNER_DEVICE: 'cpu',
  VECTORSTREAM_RUNNER_DTYPE: 'fp32',
  VECTORSTREAM_RUNNER_THREADS: '1',
  VECTORSTREAM_RUNNERS_CHECK_SECONDS: '5',
};
/** What a liar did last is found, taken out and embedded again. */
const freshMsMax = 30_000;

export async function startLyingWorld(
  knowledge: Knowledge,
  sightings: Sightings,
  lies: Lies,
): Promise<LyingWorld> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const producer = resources.use(await startFaultProxy());
  const runners = resources.use(await startFaultProxy());
  const gateway = resources.use(
    await Gateway.start(folder.path, [producer, runners], sightings, environment),
  );
  await gateway.running.ready();
  const open = resources.move();
  const join: World['join'] = (name, manner) =>
    open.use(joinAll([runners], knowledge, name, manner));
  let liars = 0;
  return {
    links: new Map([
      [embeddedLinks[0], producer],
      [embeddedLinks[1], runners],
    ]),
    gateways: [gateway],
    url: `http://${producer.address}`,
    join,
    freshMsMax,
    // Each under a name of its own: one that was found out may not come back so soon.
    async lie(ms) {
      await using liar = startReferenceRunner({
        address: runners.address,
        token: runnerToken,
        name: `liar ${++liars}`,
        manner: 'lying',
        vectors: knowledge.reference,
        golden: knowledge.golden,
      });
      await pass(ms);
      lies.answered += liar.lies();
    },
    isSettled: async () =>
      (await gateway.isIdle()) &&
      vectorViolations(readEmbedded(folder.path), knowledge.reference).length === 0,
    stored: async () => readEmbedded(folder.path),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Besides what may befall any part, a runner comes that is right for golden texts only. */
export function lyingFaults(random: Seeded): readonly (readonly Fault<LyingWorld>[])[] {
  const ms = random.between(300, 2_500);
  const lying: Fault<LyingWorld> = {
    name: `a runner that lies is there for ${ms} ms`,
    happen: (world) => world.lie(ms),
  };
  const common = commonFaults(random, embeddedLinks, 1);
  return [...common, ...common.map(() => [lying])];
}
