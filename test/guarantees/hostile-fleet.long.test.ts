// Hostile runners at a real gateway process beside one trusted runner: nearly all that a search
// finds is right at every second, nothing is lost, searches are answered, and all is right in the
// end.

import { expect, test } from 'vitest';
import { fakeVector } from '../helpers/fake-model.ts';
import { resultOf, type Behaviour } from '../helpers/fake-runner.ts';
import { until } from '../helpers/until.ts';
import { openAttackedGateway, type AttackedGateway } from './hostile/attacked-gateway.ts';
import { isGolden, lieUnlessGolden, wrongVector } from './hostile/hostile-vectors.ts';

/** The figures are printed; on a busy machine only the counts are asserted strictly. */
const told = (name: string, figures: object): void =>
  console.log(`${name}: ${JSON.stringify(figures)}`);

const sumOf = (text: string): number => Buffer.from(text).reduce((sum, byte) => sum + byte, 0);

const lying: Behaviour = ({ answer }) => answer(lieUnlessGolden);
const silent: Behaviour = ({ earlier, answer }) => {
  if (earlier.length === 0) answer(fakeVector);
};
const behaviours: Readonly<Record<string, Behaviour>> = {
  'refuse every text': ({ answer }) => answer((text) => (isGolden(text) ? fakeVector(text) : null)),
  'swap the vectors of a job': ({ job, answer }) => {
    const own = job.texts.filter((text) => !isGolden(text));
    answer((text) =>
      isGolden(text)
        ? fakeVector(text)
        : fakeVector(own[(own.indexOf(text) + 1) % own.length] ?? text),
    );
  },
  'answer for the jobs of others': ({ job, answer, send }) => {
    const number = Number(/^job-(\d+)$/.exec(job.jobId)?.[1] ?? 0);
    for (let other = Math.max(1, number - 5); other <= number + 5; other++) {
      if (other === number) continue;
      const vectors = Array.from({ length: job.texts.length }, () => wrongVector('x'));
      send(resultOf({ jobId: `job-${other}`, attempt: 1 }, vectors));
    }
    answer(fakeVector);
  },
  'answer old jobs again': ({ job, earlier, answer, send }) => {
    answer(fakeVector);
    for (const old of [...earlier.slice(-5), job]) send(resultOf(old, old.texts.map(wrongVector)));
  },
  'are wrong on one text in ten': ({ answer }) =>
    answer((text) => (sumOf(text) % 10 === 0 ? lieUnlessGolden(text) : fakeVector(text))),
  'send huge frames': ({ earlier, answer, send }) => {
    if (earlier.length % 3 === 2) send(new Uint8Array(48 * 1024 * 1024));
    else answer(fakeVector);
  },
};

// The shared token comes last: the address of its liars is refused from then on, but no join token.
test.for([
  [
    [3, 'join'],
    [20, 'join'],
    [3, 'shared'],
  ],
  [[20, 'shared']],
] as const)(
  'liars that take new names (%j) leave at least 98 of 100 found texts right',
  async (attacks) => {
    await using attacked = await openAttackedGateway();
    for (const [connections, token] of attacks) {
      const over = new AbortController();
      const joinedBefore = attacked.joins;
      for (let n = 0; n < connections; n++)
        void attacked.joinAgain(lying, over.signal, { token, textsPerSecond: 1e6 });
      const course = await attacked.feed(10, 40);
      over.abort();
      told(`${connections} liars, ${token} token`, course);
      expect(course.worstShare).toBeLessThanOrEqual(0.02);
      expect(attacked.joins - joinedBefore).toBeGreaterThanOrEqual(connections);
    }
    told('all right after the attack', { ms: await attacked.allRight(60_000) });
    expect(await lost(attacked)).toEqual(nothing);
  },
);

test('a liar that is proven first, lies, leaves and rejoins leaves all texts right', async () => {
  await using attacked = await openAttackedGateway();
  const token = { own: await attacked.newToken() };
  let isLying = false;
  let lies = 0;
  const hasLied = Promise.withResolvers<void>();
  const behaviour: Behaviour = ({ answer }) => {
    answer((text) => {
      if (!isLying || isGolden(text)) return fakeVector(text);
      lies += 1;
      return wrongVector(text);
    });
    if (lies > 0) hasLied.resolve();
  };
  const enough = new AbortController();
  const feeding = attacked.feed(120, 100, enough.signal);
  const liar = await attacked.join(behaviour, { token, textsPerSecond: 1e6 });
  await until('it is proven', 180_000, async () =>
    (await attacked.gateway.stats()).runners.some(
      ({ proof: { agreed, needed } }) => agreed === needed,
    ),
  );
  isLying = true;
  await hasLied.promise;
  liar.leave();
  await liar.closed;
  const again = await attacked.join(behaviour, { token, textsPerSecond: 1e6 });
  const { code, reason } = await again.closed;
  enough.abort();
  const course = await feeding;
  told('proven first', { lies, ...course });
  expect([code, reason]).toEqual([
    expect.toBeOneOf([4403, 4429]),
    expect.stringMatching(/quarantined|wrong/),
  ]);
  await attacked.allRight(60_000);
  expect(await lost(attacked)).toEqual(nothing);
});

test.for([
  ['never answer', 1_000],
  ['claim 0.01 texts per second, and never answer', 0.01],
] as const)(
  '20 runners that %s hold up neither searches nor events',
  async ([, textsPerSecond]) => {
    await using attacked = await openAttackedGateway();
    for (let n = 0; n < 20; n++) await attacked.join(silent, { textsPerSecond });
    await until(
      'all are ready',
      180_000,
      async () =>
        (await attacked.gateway.stats()).runners.filter(({ state }) => state === 'ready').length ===
        21,
    );
    const feeding = attacked.feed(10, 20);
    const times: number[] = [];
    for (let n = 0; n < 200; n++) {
      const from = performance.now();
      const { status } = await attacked.gateway.post('/search', `{"query": "query ${n}"}`);
      if (status === 200) times.push(performance.now() - from);
    }
    const course = await feeding;
    const p95 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)];
    told('20 hostages', { textsPerSecond, answered: times.length, p95, ...course });
    expect(times.length).toBeGreaterThanOrEqual(198);
    await attacked.allRight(60_000);
    expect(await lost(attacked)).toEqual(nothing);
  },
);

/** Liars in one text of ten leave more once in 10,000 runs; all others leave none. */
const wrongMax = 20;

test.for(Object.entries(behaviours))(
  'runners that %s leave all texts right, and dead-letter none',
  async ([name, behaviour]) => {
    await using attacked = await openAttackedGateway();
    const over = new AbortController();
    for (let n = 0; n < 3; n++) void attacked.joinAgain(behaviour, over.signal, { token: 'join' });
    const course = await attacked.feed(8, 50);
    told(name, course);
    expect(course.wrongMax).toBeLessThanOrEqual(wrongMax);
    expect(attacked.joins).toBeGreaterThanOrEqual(3);
    over.abort();
    // What an unproven runner did is embedded again a check interval after it idles.
    await attacked.allRight(180_000);
    expect(await lost(attacked)).toEqual(nothing);
  },
);

const nothing = { deadLettered: 0, openDeadLetters: 0, unsettled: 0, missing: 0 };

/** What became of events besides being stored. */
async function lost({ gateway }: AttackedGateway): Promise<typeof nothing> {
  const { events, dead_letters: deadLetters } = await gateway.idle();
  return {
    deadLettered: events.dead_lettered,
    openDeadLetters: deadLetters.open,
    unsettled: events.unsettled,
    missing: events.received - events.stored,
  };
}
