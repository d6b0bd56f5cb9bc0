// Who votes on a sample where no runner is trusted: owners drawn by lot, each once, and nobody is
// out by the votes of the fastest.

import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { CrossCheckResult, Vote } from '#core/trust/agreement.ts';
import type { EmbeddingQueue } from '../../gateway/fleet/embedding-queue.ts';
import { PeerChecks } from '../../gateway/fleet/peer-checks.ts';
import { bounds, fakeVector } from '../helpers/fake-model.ts';
import { seeded } from '../helpers/seeded.ts';

type Answer = 'right' | 'wrong' | 'refused' | 'none';

const text = 'a lamp';
const right = fakeVector(text);
const wrong = fakeVector('another lamp');
const checkIntervalMs = 60_000;
const voterOf = (owner: string) => ({ runnerSession: owner, owner, dtype: 'fp32' });

let clock: ManualClock;
let owners: Map<string, Answer>;
/** Owners that were asked, in order. */
let asked: string[];
let results: CrossCheckResult[];
let warned: object[];

beforeEach(() => {
  clock = new ManualClock();
  owners = new Map();
  asked = [];
  results = [];
  warned = [];
});

const embed: EmbeddingQueue['embed'] = (_, { onlyFor, signal }) => {
  const owner = onlyFor ?? '';
  asked.push(owner);
  const answer = owners.get(owner);
  if (answer === 'refused')
    return Promise.resolve({
      ok: false,
      code: 'embedding_failed',
      message: 'no',
      attempts: 1,
      runner: owner,
    });
  if (answer === 'none')
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const provenance = {
    runnerSession: owner,
    runnerName: owner,
    device: 'cpu',
    dtype: 'fp32',
    embeddedAt: 0,
    checkedAt: 0,
  };
  const vector = answer === 'right' ? right : wrong;
  return Promise.resolve({ ok: true, embedding: { vector, provenance } });
};

function peerChecks(seed = 1): PeerChecks {
  return new PeerChecks({
    queue: { embed },
    bounds,
    clock,
    limits: { checkIntervalMs },
    random: seeded(seed).next,
    owners: () => new Set(owners.keys()),
    log: { warn: (fields, message) => warned.push({ ...fields, message }) },
    onResult: (result) => results.push(result),
  });
}

const ownersOf = (votes?: readonly Vote[]) => votes?.map(({ owner }) => owner).toSorted();
/** Who is out after the vote on a sample of `owner`. */
async function vote(owner: string, checks = peerChecks()) {
  const vector = owners.get(owner) === 'wrong' ? wrong : right;
  return ownersOf((await checks.compare({ text, vector }, voterOf(owner)))?.wrong);
}

/** How a check of this vector is shown. */
const checkOf = async (vector: Float32Array) =>
  (await peerChecks().compare({ text, vector }, voterOf('worker')))?.check;

function fleetOf(answers: Readonly<Record<string, Answer>>): void {
  owners = new Map(Object.entries(answers));
}

describe('a vote on a sample', () => {
  test('asks every other owner as often, in whatever order they joined', async () => {
    for (let n = 0; n < 9; n++) owners.set(`${n}`, 'right');
    const checks = peerChecks();
    for (let n = 0; n < 1_600; n++) await vote('8', checks);
    const times = new Map<string, number>();
    for (const owner of asked) times.set(owner, (times.get(owner) ?? 0) + 1);
    expect([...times.keys()].toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    expect(Math.min(...times.values())).toBeGreaterThan(150);
    expect(Math.max(...times.values())).toBeLessThan(250);
    expect(new Set(results)).toEqual(new Set(['agreed']));
  });

  test('asks four of them at most, each once', async () => {
    fleetOf({ liar: 'wrong' });
    for (let n = 0; n < 20; n++) owners.set(`${n}`, 'right');
    expect(await vote('liar')).toEqual(['liar']);
    expect([asked.length, new Set(asked).size]).toEqual([4, 4]);
  });

  test('puts nobody out by two votes of five against one', async () => {
    fleetOf({ ada: 'right', liar1: 'wrong', liar2: 'wrong', ben: 'refused', cid: 'refused' });
    expect(await vote('ada')).toEqual([]);
    expect(asked).toHaveLength(4);
    expect(results).toEqual(['disputed']);
  });

  test('puts a liar out although its accomplice refuses to vote', async () => {
    fleetOf({ liar: 'wrong', accomplice: 'refused', ada: 'right', ben: 'right', cid: 'right' });
    expect(await vote('liar')).toEqual(['liar']);
    expect(results).toEqual(['differed']);
  });

  test('says who voted, with what result and how far apart they were', async () => {
    fleetOf({ worker: 'right', ada: 'right', ben: 'right' });
    const [agreed, differed] = [await checkOf(right), await checkOf(wrong)];
    expect(agreed).toMatchObject({ by: [asked[0]], result: 'agreed' });
    expect(agreed?.cosine).toBeCloseTo(1);
    expect(differed).toMatchObject({ at: clock.now(), result: 'differed' });
    expect(differed?.by.toSorted()).toEqual(['ada', 'ben']);
    expect(differed?.cosine).toBeLessThan(0.9);
    fleetOf({ ada: 'refused' });
    expect(await checkOf(right)).toBeNull();
  });

  test('goes on without an owner that is late or leaves', async () => {
    fleetOf({ liar: 'wrong', late: 'none', ada: 'right', ben: 'right', cid: 'right' });
    const checks = peerChecks();
    let out: readonly string[] | undefined;
    const first = vote('liar', checks).then((found) => (out = found));
    await clock.advance(checkIntervalMs - 1);
    expect([out, asked.includes('late')]).toEqual([undefined, true]);
    await clock.advance(1);
    await first;
    expect(out).toEqual(['liar']);

    const second = vote('liar', checks);
    await clock.advance(1);
    owners.delete('late');
    checks.left();
    expect(await second).toEqual(['liar']);
    expect(clock.sleeping).toBe(0);
  });

  test('goes against a right runner once in 84 times where four of twenty owners lie', async () => {
    for (let n = 0; n < 16; n++) owners.set(`right ${n}`, 'right');
    for (let n = 0; n < 4; n++) owners.set(`liar ${n}`, 'wrong');
    const checks = peerChecks(4);
    let lost = 0;
    for (let n = 0; n < 3_000; n++)
      if ((await vote('right 0', checks))?.includes('right 0') === true) lost += 1;
    expect(3_000 / lost).toBeGreaterThan(60);
    expect(3_000 / lost).toBeLessThan(120);
  });

  test('is not held where there is no other owner', async () => {
    fleetOf({ ada: 'right' });
    expect(await vote('ada')).toBeUndefined();
    expect([asked, results, clock.sleeping]).toEqual([[], [], 0]);
  });

  test('that nobody can decide is logged once, and again after a minute of quiet', async () => {
    fleetOf({ ada: 'right', liar: 'wrong' });
    const checks = peerChecks();
    for (let quarters = 0; quarters < 20; quarters++) {
      await vote(quarters % 2 === 0 ? 'ada' : 'liar', checks);
      await clock.advance(checkIntervalMs / 4);
    }
    expect(results).toEqual(Array.from({ length: 20 }, () => 'disputed'));
    expect(warned).toMatchObject([
      { runner_ids: ['ada', 'liar'], message: expect.stringMatching(/^runners disagree/) },
    ]);
    await clock.advance(checkIntervalMs);
    await vote('ada', checks);
    expect(warned).toHaveLength(2);
  });
});
