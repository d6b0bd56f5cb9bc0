// The faults that can happen in any run. Each begins, lasts and is over before its promise
// resolves, so that only the reaction of the parts counts.

import { setTimeout as pass } from 'node:timers/promises';
import type { FaultProxy, LinkState } from '../../helpers/fault-proxy.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import type { Gateway, World } from './mixed-world.ts';
import type { Behaviour } from './reference-runner.ts';

export type Fault<W extends World = World> = {
  readonly name: string;
  readonly inject: (world: W) => Promise<void>;
};

const linkStates: readonly Exclude<LinkState, 'through'>[] = [
  'cut',
  'half-open',
  'answers-lost',
  'requests-lost',
];
const faultyBehaviours: readonly Behaviour[] = ['slow', 'silent', 'repeating', 'out-of-order'];

/**
 * Picks one fault with all its figures before the run begins: the same for the same seed. Every
 * group is equally likely.
 */
export const anyOf = <W extends World>(
  random: Seeded,
  groups: readonly (readonly Fault<W>[])[],
): Fault<W> => random.pick(random.pick(groups));

/** Faults of gateways, links, runners and clocks. The seed decides how long and where. */
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
    [{ name: `gateway ${which} is killed`, inject: (world) => gateway(world).restart('SIGKILL') }],
    [
      {
        name: `gateway ${which} is stopped and started`,
        inject: (world) => gateway(world).restart('SIGTERM'),
      },
    ],
    [
      {
        name: `gateway ${which} is frozen for ${ms} ms`,
        inject: async (world) => {
          const { child } = gateway(world).running;
          child.kill('SIGSTOP');
          await pass(ms);
          child.kill('SIGCONT');
        },
      },
    ],
    linkStates.map((state) => ({
      name: `the link of ${name} is ${state} for ${ms} ms`,
      inject: async (world) => {
        link(world).set(state);
        await pass(ms);
        link(world).set('through');
      },
    })),
    [
      { name: `the link of ${name} is reset`, inject: async (world) => link(world).reset() },
      {
        name: `the link of ${name} is slower by 80 ms for ${ms} ms`,
        inject: async (world) => {
          link(world).delay(80);
          await pass(ms);
          link(world).delay(0);
        },
      },
    ],
    faultyBehaviours.map((behaviour) => ({
      name: `a runner that is ${behaviour} is connected for ${ms} ms`,
      inject: async (world) => {
        await using _ = world.join('odd', behaviour);
        await pass(ms);
      },
    })),
    [
      {
        name: `the clock of gateway ${which} jumps by ${minutes} minutes`,
        inject: async (world) => {
          gateway(world).running.child.send({ jumpMs: minutes * 60_000 });
        },
      },
    ],
  ];
}

export function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('A fault needs a part that this world does not have.');
  return thing;
}
