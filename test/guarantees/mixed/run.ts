// One run: a stream, faults while it flows, and the oracle's word on what is stored when both are over.
import { randomUUID } from 'node:crypto';
import { setTimeout as pass } from 'node:timers/promises';
import { until } from '../../helpers/until.ts';
import { anyFault } from './faults.ts';
import { readEmbedded, violations } from './oracle.ts';
import { produce } from './produced.ts';
import { send } from './producer.ts';
import { seeded } from './seeded.ts';
import { freshText, settled, startWorld, type Knowledge, type Sightings } from './world.ts';

export type RunReport = { readonly seed: number; readonly faults: readonly string[]; readonly violations: readonly string[]; readonly seconds: number };

const eventsPerRun = 240;
const sendMsMax = 60_000;
const settleMsMax = 60_000;
const freshMsMax = 10_000;

/** All that happens is decided by the seed, but for when the machine gets round to it. */
export async function runMixedFaults(seed: number, knowledge: Knowledge, sightings: Sightings): Promise<RunReport> {
  const startedAt = performance.now();
  const random = seeded(seed);
  const faults = Array.from({ length: random.between(3, 6) }, () => ({ afterMs: random.between(0, 400), fault: anyFault(random) }));
  // Half of the runs have poison, which costs each runner that takes it its connection.
  const produced = produce(seed, eventsPerRun, seed % 2 === 0 ? 0.02 : 0);
  const report = (found: readonly string[]): RunReport => ({
    seed, faults: faults.map(({ fault }) => fault.name), violations: found, seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  });

  await using world = await startWorld(knowledge, sightings, { NODE_OPTIONS: `--import=${new URL('jumping-clock.ts', import.meta.url).href}` });
  world.join('honest one', 'honest');
  world.join('honest two', 'honest');
  const sending = send(() => `http://${world.producerLink.address}`, produced.lines, sendMsMax);
  sending.done.catch(() => undefined);
  try {
    for (const { afterMs, fault } of faults) {
      await pass(afterMs);
      await fault.happen(world);
    }
    await sending.done;
    await settled(world, settleMsMax);
    await findFresh(world.gateway().url);
  } catch (error) {
    return report([error instanceof Error ? error.message : String(error)]);
  }
  await world.look(sightings);
  world.gateway().child.kill('SIGTERM');
  await world.gateway().ended;
  const stored = readEmbedded(world.dataDir);
  const withoutFresh = { ...stored, events: stored.events.filter(({ text }) => text !== freshText) };
  return report(violations(produced, withoutFresh, knowledge.reference, sending.resent() > 0));
}

/** The faults are over: what comes now is searchable soon. */
async function findFresh(url: string): Promise<void> {
  const id = randomUUID();
  const event = { event_id: id, timestamp: new Date().toISOString(), user_id: 'u1', session_id: 's1', event_type: 'view', product: { id: 'fresh', name: freshText, price: 1 } };
  await fetch(`${url}/events`, { method: 'POST', body: JSON.stringify(event), headers: { 'content-type': 'application/json' } });
  await until('a fresh event is searchable', freshMsMax, async () => (await fetch(`${url}/events/${id}`)).status === 200);
}
