// Thousands of histories of the whole program on one clock: gateways that crash, runners that fail in every manner, a store that
// answers when it likes. After each, every event is stored once or a dead letter, and every vector is right.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeded } from '../helpers/seeded.ts';
import { manners, type Manner } from './simulation/runner.ts';
import { checkIntervalMs, SimulatedWorld, type Sent } from './simulation/world.ts';

/** `VECTORSTREAM_TEST_HISTORIES=5000 VECTORSTREAM_TEST_SEED=7` for more, or other, ones. */
const histories = Number(process.env['VECTORSTREAM_TEST_HISTORIES'] ?? 150);
const seed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? Date.now() % 1_000_000);

type Step =
  | { readonly do: 'send'; readonly events: readonly Sent[] }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'join'; readonly manner: Manner; readonly trusted: boolean }
  | { readonly do: 'cut' | 'freeze' | 'leave'; readonly runner: number }
  | { readonly do: 'crash' | 'stop' | 'start' }
  | { readonly do: 'store'; readonly faultRate: number; readonly isDown: boolean }
  | { readonly do: 'jump'; readonly ms: number };

const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.oneof({ weight: 12, arbitrary: fc.constant('valid' as const) }, { weight: 1, arbitrary: fc.constantFrom('not-json' as const, 'bad-price' as const, 'poison' as const) }),
  event: fc.nat(40), version: fc.integer({ min: 1, max: 5 }),
});
const index = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), events: fc.array(sent, { minLength: 1, maxLength: 12 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  // Only a runner that the gateway itself started is believed more than another, and such a one does not lie.
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), manner: fc.constantFrom(...manners), trusted: fc.constant(false) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), manner: fc.constant('honest' as const), trusted: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'freeze' as const, 'leave' as const), runner: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'stop' as const, 'start' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('store' as const), faultRate: fc.double({ min: 0, max: 0.4, noNaN: true }), isDown: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -3_600_000, max: 3_600_000 }) }) },
);

async function take(world: SimulatedWorld, one: Step): Promise<void> {
  switch (one.do) {
    case 'send': return world.send(one.events);
    case 'pass': return world.pass(one.ms);
    case 'join': return world.join(one.manner, one.trusted);
    case 'cut': return world.runner(one.runner)?.cut();
    case 'freeze': return world.runner(one.runner)?.freeze();
    case 'leave': return world.runner(one.runner)?.leave();
    case 'crash': case 'stop': return world.end(one.do);
    case 'start': return world.start();
    case 'store': return world.store(one.isDown ? 1 : one.faultRate);
    case 'jump': return world.clock.jump(one.ms);
  }
}

test('every history ends with every event stored once or dead-lettered, and every vector right', { timeout: 600_000 }, async () => {
  const startedAt = performance.now();
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer(), async (steps, luck) => {
    const world = new SimulatedWorld(seeded(luck).next);
    world.start();
    world.join('honest', true);
    for (const one of steps) await take(world, one);

    // Everything is well from now on, and a runner of the gateway's own is there.
    world.store(0);
    world.start();
    world.join('honest', true);
    for (let waited = 0; waited < 600_000 && !await world.isDrained(); waited += 250) await world.pass(250);
    expect(await world.isDrained(), 'all is settled in ten minutes').toBe(true);
    // Whoever was wrong is out within one interval, and what it did is mended within the next.
    for (let waited = 0; waited < 3 * checkIntervalMs; waited += 250) await world.pass(250);
    for (let waited = 0; waited < 120_000 && (await world.wrongVectors()).length > 0; waited += 250) await world.pass(250);
    world.leaveAll();
    await world.end('stop');
    expect(await world.verify()).toEqual([]);
  }), { numRuns: histories, seed, endOnFailure: false });
  process.stdout.write(`${histories} histories from seed ${seed} in ${Math.round((performance.now() - startedAt) / 1000)} s\n`);
});
