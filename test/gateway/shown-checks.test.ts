// GET /runners shows which runners are in probation, and who checked the work of each with what
// result.

import { expect, test } from 'vitest';
import type { RunnerView } from '../../gateway/fleet/hub-types.ts';
import { fakeVector, golden } from '../helpers/fake-model.ts';
import { joinFakeRunner } from '../helpers/fake-runner.ts';
import { until } from '../helpers/until.ts';
import { runner, testApp } from './test-services.ts';
import { openWorld, tokens, trustedToken } from './trust-world.ts';

const right = (texts: readonly string[]) => texts.map(fakeVector);
const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const lie = (texts: readonly string[]) =>
  texts.map((text) => fakeVector(goldenTexts.has(text) ? text : `not ${text}`));

test('a newcomer is in probation until it is proven, and shows who checked it last', async () => {
  await using world = await openWorld();
  const { url, hub } = world;
  const named = (name: string): RunnerView | undefined =>
    hub.runners().find((shown) => shown.name === name);
  joinFakeRunner({ url, token: trustedToken, name: 'own', vectors: right });
  await world.ready(1);
  expect(named('own')).toMatchObject({ inProbation: false, lastCheck: null });
  joinFakeRunner({ url, token: tokens.shared, name: 'new', vectors: right });
  await world.ready(2);
  expect(named('new')).toMatchObject({ inProbation: true, lastCheck: null });
  await until('it is proven', 60_000, async () => {
    await world.feed(200);
    return named('new')?.inProbation === false;
  });
  expect(named('new')).toMatchObject({
    proof: { agreed: 79, needed: 79 },
    lastCheck: { by: ['own'], result: 'agreed', at: expect.any(Number) },
  });
  expect(named('new')?.lastCheck?.cosine).toBeCloseTo(1);

  joinFakeRunner({ url, token: tokens.shared, name: 'liar', vectors: lie });
  await until('the liar is out', 60_000, async () => {
    await world.feed(20);
    return named('liar')?.state === 'quarantined';
  });
  expect(named('liar')).toMatchObject({
    inProbation: false,
    lastCheck: { by: ['own'], result: 'differed' },
  });
  expect(named('liar')?.lastCheck?.cosine).toBeLessThan(0.95);
});

test('GET /runners and /metrics show it', async () => {
  const newcomer: RunnerView = {
    ...runner,
    id: 'r-1',
    trusted: false,
    proof: { agreed: 4, needed: 79 },
    inProbation: true,
    lastCheck: { at: Date.UTC(2026, 0, 1), by: ['box-1'], result: 'agreed', cosine: 0.999 },
  };
  const { request } = testApp({ runners: () => [runner, newcomer] });
  expect(await (await request('/runners/r-1')).json()).toMatchObject({
    in_probation: true,
    last_check: {
      at: '2026-01-01T00:00:00.000Z',
      by: ['box-1'],
      result: 'agreed',
      cosine: 0.999,
    },
  });
  expect(await (await request('/metrics')).text()).toContain('vectorstream_runners_in_probation 1');
});
