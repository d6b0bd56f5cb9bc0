// One run: a stream, faults while it flows, and what the oracle finds in the store when both are
// over.

import { randomUUID } from 'node:crypto';
import { setTimeout as pass } from 'node:timers/promises';
import { seeded, type Seeded } from '../../helpers/seeded.ts';
import { until } from '../../helpers/until.ts';
import type { Fault } from './faults.ts';
import { violations } from './mixed-oracle.ts';
import { freshText, type References, type World } from './mixed-world.ts';
import { produce } from './produced.ts';
import { send } from './producer.ts';

export type RunReport = {
  readonly faults: readonly string[];
  readonly violations: readonly string[];
  readonly seconds: number;
};

const eventsPerRun = 240;
const sendMsMax = 60_000;
/** A probe without an answer costs its timeout, and the next probe comes later. */
const settleMsMax = 150_000;

/** Half of the runs have poison texts, each of which costs a runner its connection. */
const usualPoison = (seed: number): number => (seed % 2 === 0 ? 0.02 : 0);

/** The seed decides everything except the timing of the machine. */
export async function runMixedFaults<W extends World>(
  seed: number,
  references: References,
  choose: (random: Seeded) => Fault<W>,
  start: () => Promise<W>,
  poisonShare = usualPoison(seed),
): Promise<RunReport> {
  const startedAt = performance.now();
  const random = seeded(seed);
  const faults = Array.from({ length: random.between(3, 6) }, () => ({
    afterMs: random.between(0, 400),
    fault: choose(random),
  }));
  const produced = produce(seed, eventsPerRun, poisonShare);
  const report = (found: readonly string[]): RunReport => ({
    faults: faults.map(({ fault }) => fault.name),
    violations: found,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  });

  await using world = await start();
  const sending = send(world.url, produced.lines, sendMsMax, () => world.acknowledged?.());
  sending.done.catch(() => undefined);
  try {
    for (const { afterMs, fault } of faults) {
      await pass(afterMs);
      await fault.inject(world);
    }
    await sending.done;
    await until('everything is settled', settleMsMax, () => world.isSettled());
    await findFresh(world);
  } catch (error) {
    return report([error instanceof Error ? error.message : String(error)]);
  }
  for (const gateway of world.gateways) await gateway.end('SIGTERM');
  const stored = await world.stored();
  const withoutFresh = {
    ...stored,
    events: stored.events.filter(({ text }) => text !== freshText),
  };
  return report(violations(produced, withoutFresh, references.reference, sending.resent() > 0));
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

/** After the faults, a new event is soon found by a search for its text. */
async function findFresh({ url, freshMsMax = 10_000 }: World): Promise<void> {
  const id = randomUUID();
  const event = {
    event_id: id,
    timestamp: new Date().toISOString(),
    user_id: 'u1',
    session_id: 's1',
    event_type: 'view',
    product: { id: 'fresh', name: freshText, price: 1 },
  };
  await until('a fresh event is searchable', freshMsMax, async () => {
    if ((await post(`${url}/events`, event)).status !== 202) return false;
    const { hits: [best] = [] } = Object(
      await (await post(`${url}/search`, { query: freshText, mode: 'meaning', limit: 1 })).json(),
    );
    return Object(best).text === freshText && Object(best).newest?.id === id;
  });
}
