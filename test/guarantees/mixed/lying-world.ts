// One gateway with its log and store in a folder and its own, trusted real runner. Faster runners
// join that misbehave or lie.

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
  type References,
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
/** Time to detect a liar's last work, withhold it and embed it again. */
const freshMsMax = 30_000;

export async function startLyingWorld(
  references: References,
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
  const join: World['join'] = (name, behaviour) =>
    open.use(joinAll([runners], references, name, behaviour, runnerToken));
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
    // Each has its own name: a runner that was detected is quarantined for a while.
    async lie(ms) {
      await using liar = startReferenceRunner({
        address: runners.address,
        token: runnerToken,
        name: `liar ${++liars}`,
        behaviour: 'lying',
        vectors: references.reference,
        golden: references.golden,
      });
      await pass(ms);
      lies.answered += liar.lies();
    },
    isSettled: async () =>
      (await gateway.isIdle()) &&
      vectorViolations(readEmbedded(folder.path), references.reference).length === 0,
    stored: async () => readEmbedded(folder.path),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Besides the common faults, a runner joins that is right only for golden texts. */
export function lyingFaults(random: Seeded): readonly (readonly Fault<LyingWorld>[])[] {
  const ms = random.between(300, 2_500);
  const lying: Fault<LyingWorld> = {
    name: `a runner that lies is connected for ${ms} ms`,
    inject: (world) => world.lie(ms),
  };
  const common = commonFaults(random, embeddedLinks, 1);
  return [...common, ...common.map(() => [lying])];
}
