// One gateway with its log and store in a folder; its honest runners are a page in a headless
// browser and a Node runner, which outlive the run.

import { setTimeout as pass } from 'node:timers/promises';
import { startFaultProxy } from '../../helpers/fault-proxy.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { commonFaults, type Fault } from './faults.ts';
import { readEmbedded } from './mixed-oracle.ts';
import { Gateway, joinAll, type References, type Sightings, type World } from './mixed-world.ts';
import { runnerRoles, type RealRunners } from './real-runners.ts';

export const pageLinks = ['producer', 'page', 'Node runner'] as const;

export type PageWorld = World & { readonly runners: RealRunners; readonly embedded: Embedded };

/** Texts by the name of the runner that embedded them, over all runs. */
export type Embedded = Map<string, number>;

/** A runner that has just been killed must load its model first. */
const freshMsMax = 60_000;
/**
 * A browser starts, loads a model and passes admission. A runner that could not reach a gateway for
 * long tries again only every 10 s.
 */
const joinMsMax = 120_000;

export async function startPageWorld(
  references: References,
  sightings: Sightings,
  runners: RealRunners,
  embedded: Embedded,
): Promise<PageWorld> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const producer = resources.use(await startFaultProxy());
  // Between two runs there is no gateway: another program may get its port.
  resources.defer(() => [runners.page, runners.node].forEach((link) => link.target(null)));
  const gateway = resources.use(
    await Gateway.start(folder.path, [producer, runners.page, runners.node], sightings),
  );
  await until('the page and the Node runner are ready', joinMsMax, async () => {
    const { runners: fleet } = await gateway.running.stats();
    const ready = fleet.filter(({ state }) => state === 'ready').map(({ name }) => name);
    if (ready.length < 2) throw new Error(`${JSON.stringify(fleet)} ${runners.lastWords()}`);
    return true;
  });
  const open = resources.move();
  return {
    links: new Map([
      ['producer', producer],
      ['page', runners.page],
      ['Node runner', runners.node],
    ]),
    gateways: [gateway],
    url: `http://${producer.address}`,
    runners,
    embedded,
    freshMsMax,
    join: (name, behaviour) => open.use(joinAll([runners.node], references, name, behaviour)),
    isSettled: () => gateway.isIdle(),
    async stored() {
      const stored = readEmbedded(folder.path);
      for (const { runner } of stored.vectors)
        embedded.set(runner, (embedded.get(runner) ?? 0) + 1);
      return stored;
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Long enough for a gateway to give up on a runner that does not answer. */
const frozenLongMs = 15_000;

/** Besides the usual faults, each process of a real runner is killed, or frozen for a while. */
export function pageFaults(random: Seeded): readonly (readonly Fault<PageWorld>[])[] {
  const ms = random.pick([random.between(50, 1_500), random.between(50, 1_500), frozenLongMs]);
  return [
    ...commonFaults(random, pageLinks, 1),
    ...runnerRoles.map((role): readonly Fault<PageWorld>[] => [
      {
        name: `the ${role} is killed`,
        inject: async ({ runners }) => void (await runners.signal(role, 'SIGKILL')),
      },
      {
        name: `the ${role} is frozen for ${ms} ms`,
        inject: async ({ runners }) => {
          const pid = await runners.signal(role, 'SIGSTOP');
          await pass(ms);
          process.kill(pid, 'SIGCONT');
        },
      },
    ]),
  ];
}
