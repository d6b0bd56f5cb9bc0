// The ways in which any run is disturbed: each begins, lasts and is over before it resolves, so
// that only what the parts do counts.

import { setTimeout as pass } from 'node:timers/promises';
import type { FaultProxy, LinkState } from '../../helpers/fault-proxy.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import type { Gateway, World } from './mixed-world.ts';
import type { Manner } from './reference-runner.ts';

export type Fault<W extends World = World> = {
  readonly name: string;
  readonly happen: (world: W) => Promise<void>;
};

const linkStates: readonly Exclude<LinkState, 'through'>[] = [
  'cut',
  'half-open',
  'answers-lost',
  'requests-lost',
];
const oddManners: readonly Manner[] = ['slow', 'silent', 'repeating', 'out-of-order'];

/**
 * One of all in a mix, with all its measures, chosen before the run begins: the same for the same
 * seed. Each group is as likely as another.
 */
export const anyOf = <W extends World>(
  random: Seeded,
  groups: readonly (readonly Fault<W>[])[],
): Fault<W> => random.pick(random.pick(groups));

/**
 * What may befall gateways, links, runners and clocks, in groups; how long and where is the seed's
 * choice.
 */
export function commonFaults(
  random: Seeded,
  linkNames: readonly string[],
  gateways: number,
): readonly (readonly Fault[])[] {
  const ms = random.between(50, 1_200);
  const minutes = random.between(-55, 55);
  const name = random.pick(linkNames);
  const which = random.between(0, gateways - 1);
  const link = ({ links }: World): FaultProxy => found(links.get(name));
  const gateway = (world: World): Gateway => found(world.gateways[which]);
  return [
    [{ name: `gateway ${which} is killed`, happen: (world) => gateway(world).restart('SIGKILL') }],
    [
      {
        name: `gateway ${which} is stopped and started`,
        happen: (world) => gateway(world).restart('SIGTERM'),
      },
    ],
    [
      {
        name: `gateway ${which} is frozen for ${ms} ms`,
        happen: async (world) => {
          const { child } = gateway(world).running;
          child.kill('SIGSTOP');
          await pass(ms);
          child.kill('SIGCONT');
        },
      },
    ],
    linkStates.map((state) => ({
      name: `the link of ${name} is ${state} for ${ms} ms`,
      happen: async (world) => {
        link(world).set(state);
        await pass(ms);
        link(world).set('through');
      },
    })),
    [
      { name: `the link of ${name} is reset`, happen: async (world) => link(world).reset() },
      {
        name: `the link of ${name} is slower by 80 ms for ${ms} ms`,
        happen: async (world) => {
          link(world).delay(80);
          await pass(ms);
          link(world).delay(0);
        },
      },
    ],
    oddManners.map((manner) => ({
      name: `a runner that is ${manner} is there for ${ms} ms`,
      happen: async (world) => {
        await using _ = world.join('odd', manner);
        await pass(ms);
      },
    })),
    [
      {
        name: `the clock of gateway ${which} jumps by ${minutes} minutes`,
        happen: async (world) => {
          gateway(world).running.child.send({ jumpMs: minutes * 60_000 });
        },
      },
    ],
  ];
}

export function found<T>(thing: T | undefined): T {
  if (thing === undefined)
    throw new Error('A fault is meant for a part that this world does not have.');
  return thing;
}
