// Hostile runners beside one trusted runner: almost nothing that a search finds is wrong, nothing
// is lost, and searches are answered.

import { expect, test } from 'vitest';
import { rest } from '#core/time/rest.ts';
import {
  checkIntervalMs,
  openWorld,
  tokens,
  trustedToken,
  type World,
} from '../gateway/trust-world.ts';
import { fakeVector } from '../helpers/fake-model.ts';
import { joinFakeRunner, type FakeRunnerOptions } from '../helpers/fake-runner.ts';
import { until } from '../helpers/until.ts';
import { isGolden, lieUnlessGolden } from './hostile/hostile-vectors.ts';

const right = (texts: readonly string[]) => texts.map(fakeVector);

type Answers = (texts: readonly string[], job: number) => readonly Float32Array[];

const lying: Answers = (texts) => texts.map(lieUnlessGolden);

/** Wrong once: for one text of its first job of which not all texts are checked. */
function lyingOnce(): Answers {
  let lied = false;
  return (texts) => {
    if (lied || texts.length <= 12) return right(texts);
    lied = true;
    return texts.map((text, index) => (index === 0 ? lieUnlessGolden(text) : fakeVector(text)));
  };
}

/** Runners that join again under a new name whenever they are closed, until `stop`. */
function attack(world: World, connections: number, answers: () => Answers) {
  let joined = 0;
  const over = new AbortController();
  const one = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const name = `hostile ${(joined += 1)}`;
      const { url } = world;
      const vectors = answers();
      await joinFakeRunner({ url, token: tokens.shared, name, vectors, textsPerSecond: 1e6 })
        .closed;
      await rest(world.clock, 500, over.signal);
    }
  };
  for (let n = 0; n < connections; n++) void one();
  return {
    joined: () => joined,
    stop: () => over.abort(),
  };
}

/** Feeds texts for so many seconds; returns the largest share of wrong ones among those found. */
async function worstShare(world: World, seconds: number): Promise<number> {
  let worst = 0;
  let fed = 0;
  for (let second = 0; second < seconds; second++) {
    await world.feed(10);
    fed += 10;
    await world.pass(1_000);
    const wrong = (await world.wrong()).length;
    const found = fed - (await world.missing());
    if (fed >= 100) worst = Math.max(worst, wrong / found);
  }
  return worst;
}

test(
  'liars that take a new name each time make nothing wrong that a search finds',
  { timeout: 60_000 },
  async () => {
    await using world = await openWorld();
    joinFakeRunner({ url: world.url, token: trustedToken, name: 'own', vectors: right });
    await world.ready(1);
    const hostile = attack(world, 3, () => lying);
    expect(await worstShare(world, 30)).toBeLessThanOrEqual(0.02);
    hostile.stop();
    await world.pass(30_000);
    expect(hostile.joined()).toBeGreaterThan(3);
    expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  },
);

test.each(['leaves', 'idles'])(
  'what a newcomer that is sometimes wrong has embedded is right soon after it %s',
  { timeout: 240_000 },
  async (ending) => {
    await using world = await openWorld();
    joinFakeRunner({ url: world.url, token: trustedToken, name: 'own', vectors: right });
    await world.ready(1);
    const hostile = attack(world, 1, lyingOnce);
    for (let second = 0; (await world.wrong()).length === 0; second++) {
      expect(second, 'seconds until something is wrong').toBeLessThan(1_000);
      await world.feed(40);
      await world.pass(1_000);
    }
    hostile.stop();
    const guests = world.hub.runners().filter(({ trusted }) => !trusted);
    if (ending === 'leaves') for (const { id } of guests) world.hub.remove(id);
    await world.pass(ending === 'leaves' ? 10_000 : checkIntervalMs + 10_000);
    expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  },
);

test(
  '20 runners that never answer hold up no search, and events only for seconds',
  { timeout: 60_000 },
  async () => {
    await using world = await openWorld();
    joinFakeRunner({ url: world.url, token: trustedToken, name: 'own', vectors: right });
    const silent: FakeRunnerOptions['vectors'] = (texts, job) => (job === 0 ? right(texts) : null);
    const { url } = world;
    for (let n = 0; n < 20; n++)
      joinFakeRunner({ url, token: tokens.shared, name: `silent ${n}`, vectors: silent });
    await world.ready(21);
    // The clock stands still: no search needs the deadline of a silent runner.
    for (let n = 0; n < 200; n++) {
      const how = { priority: 'search', signal: AbortSignal.timeout(30_000) } as const;
      expect(await world.hub.service.embed(`query ${n}`, how)).toMatchObject({ ok: true });
    }
    const from = world.clock.monotonic();
    await world.feed(50);
    expect(world.clock.monotonic() - from).toBeLessThan(5_000);
    expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  },
);

test('texts that a runner refuses are no dead letters: a trusted runner embeds them', async () => {
  await using world = await openWorld();
  const { url } = world;
  const refusing: FakeRunnerOptions['vectors'] = (texts, job) =>
    job === 0 ? right(texts) : texts.map((text) => (isGolden(text) ? fakeVector(text) : null));
  joinFakeRunner({ url, token: tokens.shared, name: 'refuser', vectors: refusing });
  await world.ready(1);
  const fed = world.feed(38);
  await until('all texts are held', 60_000, () => world.hub.fleetStats().held === 38);
  expect(world.hub.fleetStats().checkedBy).toBe('nobody');
  joinFakeRunner({ url, token: trustedToken, name: 'own', vectors: right });
  await fed;
  expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  expect(world.hub.fleetStats()).toMatchObject({ held: 0, checkedBy: 'trusted' });
});
