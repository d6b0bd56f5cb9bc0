// The ways in which a run is disturbed: each begins, lasts and is over before it resolves, so that only what the parts do counts.
import { execFileSync } from 'node:child_process';
import { setTimeout as pass } from 'node:timers/promises';
import type { FaultProxy, LinkState } from '../../helpers/fault-proxy.ts';
import type { SeenRequest, Fault as QdrantFault } from '../../helpers/qdrant-double.ts';
import type { ClusterWorld, LinkedBroker } from './cluster-world.ts';
import type { Manner } from './reference-runner.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import type { Gateway, World } from './world.ts';

export type Fault<W extends World = World> = { readonly name: string; readonly happen: (world: W) => Promise<void> };

const linkStates: readonly Exclude<LinkState, 'through'>[] = ['cut', 'half-open', 'answers-lost'];
const oddManners: readonly Manner[] = ['slow', 'silent', 'repeating', 'out-of-order'];

/** A fault with all its measures, chosen before the run begins: the same for the same seed. */
export function anyFault(random: Seeded, linkNames: readonly string[], gateways: number): Fault {
  const ms = random.between(50, 1_200);
  const minutes = random.between(-55, 55);
  const name = random.pick(linkNames);
  const manner = random.pick(oddManners);
  const state = random.pick(linkStates);
  const which = random.between(0, gateways - 1);
  const link = ({ links }: World): FaultProxy => found(links.get(name));
  const gateway = (world: World): Gateway => found(world.gateways[which]);
  return random.pick<Fault>([
    { name: `gateway ${which} is killed`, happen: (world) => gateway(world).restart('SIGKILL') },
    { name: `gateway ${which} is stopped and started`, happen: (world) => gateway(world).restart('SIGTERM') },
    { name: `gateway ${which} is frozen for ${ms} ms`, happen: async (world) => {
      const { child } = gateway(world).running;
      child.kill('SIGSTOP');
      await pass(ms);
      child.kill('SIGCONT');
    } },
    { name: `the link of ${name} is ${state} for ${ms} ms`, happen: async (world) => {
      link(world).set(state);
      await pass(ms);
      link(world).set('through');
    } },
    { name: `the link of ${name} is reset`, happen: async (world) => link(world).reset() },
    { name: `the link of ${name} is slower by 80 ms for ${ms} ms`, happen: async (world) => {
      link(world).delay(80);
      await pass(ms);
      link(world).delay(0);
    } },
    { name: `a runner that is ${manner} is there for ${ms} ms`, happen: async (world) => {
      await using _ = world.join('odd', manner);
      await pass(ms);
    } },
    { name: `the clock of gateway ${which} jumps by ${minutes} minutes`, happen: async (world) => {
      gateway(world).running.child.send({ jumpMs: minutes * 60_000 });
    } },
  ]);
}

/** Besides those, what the disk under the embedded log and store does. */
export function anyEmbeddedFault(random: Seeded, linkNames: readonly string[]): Fault {
  const ms = random.between(50, 2_000);
  const common = anyFault(random, linkNames, 1);
  if (process.platform !== 'linux') return common;
  return random.pick<Fault>([common, common, common, common, {
    name: `no file may be written past 4 KB for ${ms} ms`, happen: async ({ gateways }) => {
      const pid = found(gateways[0]).running.pid;
      limitFiles(pid, '4096');
      await pass(ms);
      limitFiles(pid, 'unlimited');
    },
  }]);
}

/** What a write of this process meets beyond so many bytes is EFBIG, as ENOSPC on a disk that is full. */
const limitFiles = (pid: number, bytes: string): void => void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);

const qdrantFaults: readonly QdrantFault[] = [
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } }, { kind: 'status', status: 500 }, { kind: 'garbage', text: '<html>', contentType: 'text/html' },
  { kind: 'garbage', text: '{"result":', contentType: 'application/json' }, { kind: 'half-an-answer' }, { kind: 'no-answer' }, { kind: 'answer-lost' },
];

/** Besides those, what Kafka and Qdrant themselves do. */
export function anyClusterFault(random: Seeded, linkNames: readonly string[], { broker }: LinkedBroker): Fault<ClusterWorld> {
  const ms = random.between(50, 1_500);
  const times = random.between(1, 12);
  const fault = random.pick(qdrantFaults);
  const common = anyFault(random, linkNames, 2);
  return random.pick<Fault<ClusterWorld>>([
    common, common, common,
    { name: `Qdrant meets ${times} requests with ${JSON.stringify(fault)}`, happen: async ({ qdrant }) => qdrant.fail(fault, undefined, times) },
    { name: `Qdrant refuses ${times} batches`, happen: async ({ qdrant, sightings }) => qdrant.fail({ kind: 'status', status: 400 }, (request) => {
      sightings.bisected += Number(isBatch(request));
      return isBatch(request);
    }, times) },
    { name: `Qdrant is down for ${ms} ms`, happen: async ({ qdrant }) => {
      await qdrant.down();
      await pass(ms);
      await qdrant.up();
    } },
    { name: 'the broker is killed and started', happen: async () => {
      await broker.stop('SIGKILL');
      await broker.start();
    } },
  ]);
}

/** One that a store may refuse for the sake of one point; a single point would rightly be given up. */
const isBatch = ({ method, path, body }: SeenRequest): boolean => method === 'PUT' && /\/points\b/.test(path) && JSON.parse(body).points?.length > 1;

function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('A fault is meant for a part that this world does not have.');
  return thing;
}
