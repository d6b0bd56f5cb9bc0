// A wrong runner is quarantined within its check interval, and one interval later none of its wrong
// vectors is in the store.

import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { VectorStore } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';
import { dimensions, fakeVector, golden } from '../helpers/fake-model.ts';
import { joinFakeRunner, type FakeRunner } from '../helpers/fake-runner.ts';
import { unavailable } from '../helpers/unreliable.ts';
import { until } from '../helpers/until.ts';
import { checkIntervalMs, openWorld, tokens, trustedToken, type World } from './trust-world.ts';

type Lie = (texts: readonly string[], job: number, world: World) => readonly Float32Array[];

const right = (texts: readonly string[]) => texts.map(fakeVector);
const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const hourMs = 3_600_000;

/** Right vectors for golden texts, and those of `wrong` for all others. */
const rightForGolden =
  (wrong: (text: string) => Float32Array): Lie =>
  (texts) =>
    texts.map((text) => (goldenTexts.has(text) ? fakeVector(text) : wrong(text)));
const another = (text: string) => fakeVector(`${text} but another`);

/** As near to the right vector as one alone may be. */
function nearVector(text: string): Float32Array {
  const [vector, away] = [fakeVector(text), another(text)];
  const along = cosine(vector, away);
  const aside = away.map((value, at) => value - along * (vector[at] ?? 0));
  const length = Math.hypot(...aside);
  return vector.map(
    (value, at) => 0.992 * value + (Math.sqrt(1 - 0.992 ** 2) * (aside[at] ?? 0)) / length,
  );
}

function trusted(world: World): FakeRunner {
  return joinFakeRunner({ url: world.url, token: trustedToken, name: 'own', vectors: right });
}

function liar(
  world: World,
  lie: Lie,
  name = 'liar',
): FakeRunner & { end: { code: number; reason: string; at: number } | null } {
  const runner = joinFakeRunner({
    url: world.url,
    token: tokens.shared,
    name,
    vectors: (texts, job) => (job === 0 ? right(texts) : lie(texts, job, world)),
  });
  const seen: FakeRunner & { end: { code: number; reason: string; at: number } | null } = {
    ...runner,
    end: null,
  };
  void runner.closed.then((closed) => {
    seen.end = { ...closed, at: world.clock.monotonic() };
  });
  return seen;
}

/** Feeds new texts each second until the runner is out; returns how long that took, in ms. */
async function workUntilOut(
  world: World,
  runner: { readonly end: object | null },
  textsPerStep = 12,
): Promise<number> {
  const from = world.clock.monotonic();
  while (runner.end === null && world.clock.monotonic() - from < 2 * checkIntervalMs) {
    await world.feed(textsPerStep);
    await world.pass(1_000);
  }
  return world.clock.monotonic() - from;
}

describe('a liar beside a trusted runner', () => {
  test.for<[string, Lie, RegExp]>([
    ['shuffled', (texts) => right([...texts.slice(1), ...texts.slice(0, 1)]), /vectors are wrong/],
    ['scaled', (texts) => right(texts).map((vector) => vector.map((x) => x * 2)), /length is 2/],
    ['zeroed', (texts) => right(texts).map((vector) => vector.map(() => 0)), /length is 0/],
    ['NaN', (texts) => right(texts).map((vector) => vector.fill(NaN)), /NaN/],
    [
      'right for golden texts and wrong for the rest',
      rightForGolden(another),
      /to a trusted runner's/,
    ],
    [
      'right for golden texts and negated for the rest',
      rightForGolden((text) => fakeVector(text).map((x) => -x)),
      /to a trusted runner's/,
    ],
    [
      'right for golden texts and a little off for each of the rest',
      rightForGolden(nearVector),
      /the last ones have the mean cosine 0.992 to a trusted runner's/,
    ],
  ])(
    '%s: quarantined within a check interval, and no wrong vector is left one interval later',
    { timeout: 30_000 },
    async ([, lie, reason]) => {
      await using world = await openWorld();
      trusted(world);
      await world.ready(1);
      const wrong = liar(world, lie);
      await world.ready(2);
      expect(await workUntilOut(world, wrong)).toBeLessThanOrEqual(checkIntervalMs);
      expect(wrong.end).toMatchObject({ code: 4403, reason: expect.stringMatching(reason) });
      await world.pass(checkIntervalMs);
      expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
      expect(await world.store.provenanceStore.withheld(10)).toEqual([]);
      const shown = world.hub.runners().find(({ name }) => name === 'liar');
      expect(shown).toMatchObject({
        state: 'quarantined',
        quarantine: { reason: expect.stringMatching(reason) },
      });
    },
  );

  test(
    'wrong only after an hour: quarantined within a check interval of its first lie',
    { timeout: 60_000 },
    async () => {
      await using world = await openWorld();
      trusted(world);
      await world.ready(1);
      const turned = liar(world, (texts) =>
        rightForGolden((text) =>
          world.clock.monotonic() < hourMs ? fakeVector(text) : another(text),
        )(texts, 0, world),
      );
      await world.ready(2);
      for (let minute = 0; minute < 60; minute++) {
        await world.feed(30);
        await world.pass(60_000);
      }
      expect([turned.end, world.seen.includes('agreed'), await world.wrong()]).toEqual([
        null,
        true,
        [],
      ]);
      expect(await workUntilOut(world, turned)).toBeLessThanOrEqual(checkIntervalMs);
      expect(turned.end).toMatchObject({ code: 4403 });
      await world.pass(checkIntervalMs);
      expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
    },
  );

  test('that left before its cross-check is still detected', { timeout: 30_000 }, async () => {
    await using world = await openWorld();
    const wrong = liar(world, rightForGolden(another));
    await world.ready(1);
    trusted(world);
    await world.ready(2);
    await world.feed(40);
    wrong.leave();
    await wrong.closed;
    await world.pass(checkIntervalMs);
    expect(world.seen).toContain('quarantined');
    await world.pass(checkIntervalMs);
    expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  });

  test(
    'may reconnect from its address only after a delay that doubles',
    { timeout: 30_000 },
    async () => {
      await using world = await openWorld();
      trusted(world);
      await world.ready(1);
      const waits: number[] = [];
      for (let time = 1; time <= 3; time++) {
        const wrong = liar(world, rightForGolden(another));
        await world.ready(2);
        await workUntilOut(world, wrong, 120);
        const again = await liar(world, right, `liar ${time}`).closed;
        expect(again).toMatchObject({
          code: 4429,
          reason: expect.stringMatching(
            new RegExp(`quarantined for \\d+ s more \\(time ${time}\\)`),
          ),
        });
        waits.push(Number(/for (\d+) s/.exec(again.reason)?.[1]));
        await world.clock.advance((waits.at(-1) ?? 0) * 1000);
      }
      expect(waits.map((seconds) => 10 * Math.ceil(seconds / 10))).toEqual([10, 20, 40]);
    },
  );
});

test(
  'vectors of a lone wrong runner are withheld, and re-embedded once a runner joins',
  { timeout: 30_000 },
  async () => {
    await using world = await openWorld();
    let isWrong = false;
    const turned = liar(world, (texts) => (isWrong ? texts.map(another) : right(texts)));
    await world.ready(1);
    await world.feed(20);
    isWrong = true;
    const fed = world.feed(30);
    await until('it is out', 60_000, async () => {
      await world.clock.advance(1_000);
      return turned.end !== null;
    });
    expect(turned.end).toMatchObject({
      code: 4403,
      reason: expect.stringMatching(/golden text \d of 3, in an ordinary job/),
    });
    await world.clock.advance(3_000);
    expect(await world.wrong()).toEqual([]);
    expect(await world.missing()).toBeGreaterThan(0);
    trusted(world);
    await fed;
    await world.pass(checkIntervalMs);
    expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  },
);

test(
  'a trusted runner that turns wrong fails a canary, and its work is repaired',
  { timeout: 30_000 },
  async () => {
    await using world = await openWorld();
    let isWrong = false;
    joinFakeRunner({
      url: world.url,
      token: trustedToken,
      name: 'own',
      vectors: (texts) => (isWrong ? texts.map(another) : right(texts)),
    });
    await world.ready(1);
    await world.feed(20);
    await world.pass(checkIntervalMs);
    isWrong = true;
    const from = world.clock.monotonic();
    const fed = world.feed(5);
    trusted(world);
    await fed;
    while (
      !world.seen.includes('quarantined') &&
      world.clock.monotonic() - from < checkIntervalMs
    ) {
      await world.feed(4);
      await world.pass(1_000);
    }
    expect(world.seen).toContain('quarantined');
    await world.pass(checkIntervalMs);
    expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  },
);

test(
  'honest runners are never quarantined, and checks are at most 2 % of their work',
  { timeout: 30_000 },
  async () => {
    await using world = await openWorld();
    trusted(world);
    const honest = [1, 2, 3].map((n) =>
      joinFakeRunner({ url: world.url, token: tokens.shared, name: `honest-${n}`, vectors: right }),
    );
    await world.ready(4);
    for (let step = 0; step < 20; step++) {
      await world.feed(400);
      await world.pass(10_000);
    }
    expect(world.seen.filter((what) => what !== 'agreed')).toEqual([]);
    const texts = honest.flatMap(({ jobs }) => jobs.slice(1).flat());
    const canaries = texts.filter((text) => goldenTexts.has(text)).length;
    const samples = world.seen.length;
    const rate = 200 * 3 * 1000;
    expect(canaries).toBeGreaterThan(0);
    expect(samples).toBeGreaterThan(0);
    expect((canaries + samples) / rate).toBeLessThan(0.02);
    process.stdout.write(
      `${texts.length} texts, ${canaries} canaries, ${samples} samples: ` +
        `${(((canaries + samples) * 100) / texts.length).toFixed(2)} % of the work, ` +
        `${(((canaries + samples) * 100) / rate).toFixed(3)} % of the rate\n`,
    );
  },
);

test(
  'after a gateway was killed, the next one re-embeds unchecked texts',
  { timeout: 30_000 },
  async () => {
    const first = await openWorld();
    // Without a trusted runner nothing could be compared.
    joinFakeRunner({
      url: first.url,
      token: tokens.shared,
      name: 'liar',
      vectors: (texts, job) =>
        job === 0 ? right(texts) : rightForGolden(another)(texts, job, first),
    });
    await first.ready(1);
    await first.feed(50);
    expect((await first.wrong()).length).toBe(50);
    // Only the store survives.
    const store = frozen(first);
    await first[Symbol.asyncDispose]();
    await using second = await openWorld({ store, clock: first.clock, from: 50 });
    trusted(second);
    await second.ready(1);
    await second.pass(checkIntervalMs);
    expect(second.seen).toContain('adopted');
    expect([
      await second.wrong(),
      await second.missing(),
      await second.store.provenanceStore.marks(),
    ]).toEqual([[], 0, []]);
  },
);

test(
  'unchecked vectors are withheld within a check interval even without a runner',
  { timeout: 30_000 },
  async () => {
    const first = await openWorld();
    joinFakeRunner({
      url: first.url,
      token: tokens.shared,
      name: 'liar',
      vectors: (texts, job) =>
        job === 0 ? right(texts) : rightForGolden(another)(texts, job, first),
    });
    await first.ready(1);
    await first.feed(50);
    const store = frozen(first);
    await first[Symbol.asyncDispose]();
    await using second = await openWorld({ store, clock: first.clock, from: 50 });
    await second.clock.advance(checkIntervalMs);
    expect([await second.wrong(), await second.missing()]).toEqual([[], 50]);
  },
);

/** The store as the killed gateway left it; that gateway can no longer change its marks. */
function frozen({ store }: World): World['store'] {
  const { provenanceStore } = store;
  const own: World['store']['provenanceStore'] = { ...provenanceStore };
  Object.assign(provenanceStore, {
    mark: () => Promise.resolve(),
    unmark: () => Promise.resolve(),
    withhold: () => Promise.resolve(),
  });
  return { ...store, provenanceStore: own };
}

test('runners that leave while the store is down leave no retry and no mark behind', async () => {
  const clock = new ManualClock();
  const memory = createMemoryStore({ dimensions, now: () => clock.now() });
  const { provenanceStore } = memory;
  const marked: string[] = [];
  let isDown = true;
  const store: VectorStore = {
    ...memory,
    provenanceStore: {
      ...provenanceStore,
      async mark(mark) {
        marked.push(mark.runnerSession);
        if (isDown) throw unavailable();
        await provenanceStore.mark(mark);
      },
    },
  };
  await using world = await openWorld({ clock, store });
  const runners = ['a', 'b', 'c'].map((name) =>
    joinFakeRunner({ url: world.url, token: tokens.shared, name, vectors: right }),
  );
  await until('all have passed their first check', 60_000, () => new Set(marked).size === 3);
  for (const runner of runners) {
    runner.leave();
    await runner.closed;
  }
  await until('all have left', 60_000, () => world.hub.runners().length === 0);
  const attempts = marked.length;
  await world.pass(30_000);
  expect(marked.slice(attempts)).toEqual([]);
  isDown = false;
  await world.pass(checkIntervalMs);
  expect([await provenanceStore.marks(), world.seen.includes('adopted')]).toEqual([[], false]);
});
