// What follows for the other work of an owner when one of its runners is wrong: its earlier
// sessions are embedded again, and its other runners are in probation again.

import { expect, test } from 'vitest';
import { fakeVector, golden } from '../helpers/fake-model.ts';
import { joinFakeRunner } from '../helpers/fake-runner.ts';
import { until } from '../helpers/until.ts';
import {
  checkIntervalMs,
  openWorld,
  tokens,
  trustedToken,
  type World,
  type WorldOptions,
} from './trust-world.ts';

const right = (texts: readonly string[]) => texts.map(fakeVector);
const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const wrong = (text: string) => fakeVector(goldenTexts.has(text) ? text : `not ${text}`);
const limits = { expiresAt: Infinity, runnersMax: 10, textsPerSecondMax: null };

/** Tokens are their own ids. The last eight texts of a newcomer's job are checked. */
const options: WorldOptions = {
  tokens: {
    ...tokens,
    join: (id) =>
      id.startsWith('join-') ? { ok: true, token: { ...limits, id, name: id } } : null,
  },
  random: () => 0.999,
};

const shown = ({ hub }: World, name: string) => hub.runners().find((each) => each.name === name);

async function proven(world: World, name: string): Promise<void> {
  await until(`${name} is proven`, 60_000, async () => {
    await world.feed(200);
    return shown(world, name)?.proof.agreed === 79;
  });
}

async function guarded(): Promise<World> {
  const world = await openWorld(options);
  joinFakeRunner({ url: world.url, token: trustedToken, name: 'own', vectors: right });
  await world.ready(1);
  return world;
}

test('wrong work of earlier sessions with the same token is embedded again', async () => {
  await using world = await guarded();
  const { url } = world;
  const isLying = () => shown(world, 'careful')?.proof.agreed === 71;
  const careful = joinFakeRunner({
    url,
    token: 'join-liar',
    name: 'careful',
    vectors: (texts) =>
      texts.map((text, at) =>
        isLying() && at < texts.length / 2 ? wrong(text) : fakeVector(text),
      ),
  });
  await world.ready(2);
  await proven(world, 'careful');
  careful.leave();
  await careful.closed;
  await world.pass(checkIntervalMs);
  expect((await world.wrong()).length).toBeGreaterThan(5);

  const caught = joinFakeRunner({
    url,
    token: 'join-liar',
    name: 'caught',
    vectors: (texts) => texts.map(wrong),
  });
  await world.ready(2);
  await world.feed(20);
  expect((await caught.closed).code).toBe(4403);
  await world.pass(checkIntervalMs);
  expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  expect(await world.store.provenanceStore.marks()).toEqual([]);
});

test('other runners with its token are in probation again, and no others', async () => {
  await using world = await guarded();
  const { url } = world;
  for (const name of ['join-a', 'join-b'])
    joinFakeRunner({ url, token: name, name, vectors: right });
  await world.ready(3);
  await proven(world, 'join-a');
  await proven(world, 'join-b');
  const liar = joinFakeRunner({
    url,
    token: 'join-a',
    name: 'liar',
    vectors: (texts) => texts.map(wrong),
  });
  await world.ready(4);
  await until('the liar is out', 60_000, async () => {
    await world.feed(20);
    return shown(world, 'liar')?.state === 'quarantined';
  });
  expect((await liar.closed).code).toBe(4403);
  expect(shown(world, 'join-a')).toMatchObject({ state: 'ready', inProbation: true });
  expect(shown(world, 'join-b')).toMatchObject({ state: 'ready', inProbation: false });
  await proven(world, 'join-a');
});
