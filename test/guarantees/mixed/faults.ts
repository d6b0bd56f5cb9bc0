// The ways in which a run is disturbed: each begins, lasts and is over before it resolves, so that only what the parts do counts.
import { setTimeout as pass } from 'node:timers/promises';
import type { Seeded } from './seeded.ts';
import type { World } from './world.ts';
import type { Manner } from './reference-runner.ts';
import type { LinkState } from '../../helpers/fault-proxy.ts';

export type Fault = { readonly name: string; readonly happen: (world: World) => Promise<void> };

const links = ['producerLink', 'runnerLink'] as const;
const linkStates: readonly Exclude<LinkState, 'through'>[] = ['cut', 'half-open', 'answers-lost'];
const oddManners: readonly Manner[] = ['slow', 'silent', 'repeating', 'out-of-order'];

/** A fault with all its measures, chosen before the run begins: the same for the same seed. */
export function anyFault(random: Seeded): Fault {
  const ms = random.between(50, 1_200);
  const link = random.pick(links);
  const manner = random.pick(oddManners);
  const state = random.pick(linkStates);
  return random.pick<Fault>([
    { name: 'the gateway is killed', happen: (world) => world.restart('SIGKILL') },
    { name: 'the gateway is stopped and started', happen: (world) => world.restart('SIGTERM') },
    { name: `the gateway is frozen for ${ms} ms`, happen: async (world) => {
      const { child } = world.gateway();
      child.kill('SIGSTOP');
      await pass(ms);
      child.kill('SIGCONT');
    } },
    { name: `the ${link} is ${state} for ${ms} ms`, happen: async (world) => {
      world[link].set(state);
      await pass(ms);
      world[link].set('through');
    } },
    { name: `the ${link} is reset`, happen: async (world) => world[link].reset() },
    { name: `the ${link} is slower by 80 ms for ${ms} ms`, happen: async (world) => {
      world[link].delay(80);
      await pass(ms);
      world[link].delay(0);
    } },
    { name: `a runner that is ${manner} is there for ${ms} ms`, happen: async (world) => {
      await using runner = world.join(`${manner} one`, manner);
      await pass(ms);
      void runner;
    } },
    { name: `the clock of the gateway jumps by ${Math.round(ms / 10) - 60} minutes`, happen: async (world) => {
      world.gateway().child.send({ jumpMs: (Math.round(ms / 10) - 60) * 60_000 });
    } },
  ]);
}
