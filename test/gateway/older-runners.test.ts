// A runner of a compatible older version shares the fleet, checked by the golden texts of its time,
// but never embeds a text to which its tokenizer gives wrong ids.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { memoryLink } from '#core/memory/memory-channel.ts';
import { hasOtherIds } from '#core/model/older-tokenizer.ts';
import type { Embedder } from '#core/ports.ts';
import { runRunnerLoop, type ConnectionEnd } from '#core/protocol/runner-loop.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import {
  createRunnerHub,
  defaultHubLimits,
  type RunnerHub,
} from '../../gateway/fleet/runner-hub.ts';
import {
  bounds,
  dimensions,
  fakeEmbedder,
  fakeVector,
  golden,
  identity,
} from '../helpers/fake-model.ts';
import { loadedBlocks, noProvenanceLog } from '../helpers/hub-parts.ts';

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const older = 'older';
const greek = 'ΚΑΦΕΣ';
/** A golden text that the older version did not have, and for which its graphs are too coarse. */
const later = 'comprised';
const quarantined: string[] = [];
let hub: RunnerHub;

beforeEach(() => {
  quarantined.length = 0;
  hub = createRunnerHub({
    identity: {
      ...identity,
      compatibleRevisions: [older],
      olderTokenizers: [older],
      olderGoldenTexts: { [older]: golden.cases.length + 1 },
    },
    golden: {
      cases: [
        ...golden.cases,
        ...[greek, later].map((text) => ({ text, vector: [...fakeVector(text)] })),
      ],
    },
    bounds,
    tokens: { shared: 'shared', trusted: ['trusted'], join: () => null },
    clock: systemClock,
    limits: { ...defaultHubLimits, closeMsMax: 500 },
    log: quiet,
    provenanceLog: noProvenanceLog,
    expectsTrusted: false,
    random: () => 0.5,
    addressOf: () => '127.0.0.1',
    addressMark: (address) => address,
    blocks: loadedBlocks(systemClock),
    observer: {
      job: () => undefined,
      requeued: () => undefined,
      quarantined: (device) => quarantined.push(device),
      lateAnswer: () => undefined,
      crossCheck: () => undefined,
      runners: () => undefined,
      golden: () => undefined,
    },
  });
});
afterEach(() => hub.close());

/** Wrong for the texts to which its tokenizer gives other ids, and for a later golden text. */
function olderEmbedder() {
  const embedder = fakeEmbedder((text) => ({
    ok: true,
    vector: fakeVector(hasOtherIds(text) || text === later ? `wrong ${text}` : text),
  }));
  return { ...embedder, info: { ...embedder.info, modelRevision: older } };
}

/** Resolves to how its connection ended. */
function join(embedder: Embedder, name: string): Promise<ConnectionEnd> {
  const { near, far } = memoryLink();
  hub.accept(near, { trusted: false, token: null, address: name });
  return runRunnerLoop({
    channel: far,
    embedder,
    turn: always,
    clock: systemClock,
    name,
    kind: 'node',
    drain: new AbortController().signal,
    log: quiet,
  });
}

const ready = (count: number) =>
  vi.waitFor(
    () => expect(hub.runners().filter(({ state }) => state === 'ready')).toHaveLength(count),
    { timeout: 45_000 },
  );
const embed = (text: string) =>
  hub.service.embed(text, { priority: 'bulk', signal: AbortSignal.timeout(10_000) });
const right = (text: string) => ({ ok: true, embedding: { vector: fakeVector(text) } });

test('it passes the golden check, and works beside a runner of this version', async () => {
  const [old, present] = [olderEmbedder(), fakeEmbedder()];
  void join(old, 'old');
  await ready(1);
  void join(present, 'present');
  await ready(2);
  const texts = Array.from({ length: 400 }, (_, n) =>
    n % 8 === 0 ? `${greek} ${n}` : `lamp ${n}`,
  );
  for (const round of [texts.slice(0, 200), texts.slice(200)])
    expect(await Promise.all(round.map(embed))).toMatchObject(round.map(right));
  expect(old.embedded.filter(hasOtherIds)).toEqual([]);
  expect(old.embedded.length).toBeGreaterThan(golden.cases.length);
  expect(present.embedded.filter(hasOtherIds).length).toBeGreaterThan(50);
  expect(hub.runners()).toHaveLength(2);
});

test('alone with such a text it is closed with 4409, is no liar, and the text waits', async () => {
  const end = join(olderEmbedder(), 'old');
  await ready(1);
  expect(await embed('lamp')).toMatchObject(right('lamp'));
  const waiting = embed(greek);
  expect(await end).toEqual({
    code: 4409,
    reason:
      'its model has an older tokenizer, which is wrong for a text that waits: update the runner',
    welcomed: true,
  });
  expect(quarantined).toEqual([]);
  void join(fakeEmbedder(), 'present');
  expect(await waiting).toMatchObject(right(greek));
});

/** As near to the reference as the older 8-bit graph is on single words. */
function coarseVector(text: string): Float32Array {
  const away = fakeVector(`not ${text}`);
  const sum = fakeVector(text).map((value, index) => value + 0.1 * (away[index] ?? 0));
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}

/** Joins with this revision, and `far` as the vector of the golden text that older graphs miss. */
const joinWith = (far: Float32Array) =>
  join(
    fakeEmbedder((text) => ({ ok: true, vector: text === later ? far : fakeVector(text) })),
    'between',
  );

test('with this revision and an older graph it is closed with 4409, and is no liar', async () => {
  expect(await joinWith(coarseVector(later))).toMatchObject({
    code: 4409,
    reason: expect.stringMatching(
      /^its graph is of an older version: right on 4 golden texts, least cosine 0\.99\d /,
    ),
  });
  expect(quarantined).toEqual([]);
  expect((await joinWith(fakeVector(`wrong ${later}`))).code).toBe(4403);
  expect(quarantined).toEqual(['cpu']);
});

test('vectors that are wrong for other reasons are still a lie', async () => {
  const embedder = fakeEmbedder((text) => ({ ok: true, vector: fakeVector(`wrong ${text}`) }));
  const { code } = await join(
    { ...embedder, info: { ...embedder.info, modelRevision: older, dimensions } },
    'liar',
  );
  expect(code).toBe(4403);
  expect(quarantined).toEqual(['cpu']);
});
