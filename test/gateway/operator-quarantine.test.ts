// An operator puts a runner into quarantine: what it embedded unchecked is embedded again, and it
// stays out.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryRunnerBlocks } from '#core/memory/memory-runner-blocks.ts';
import { fakeVector, golden } from '../helpers/fake-model.ts';
import { joinFakeRunner } from '../helpers/fake-runner.ts';
import { runningBlocks } from '../helpers/hub-parts.ts';
import { unavailable } from '../helpers/unreliable.ts';
import { problemOf, runner, testApp } from './test-services.ts';
import { checkIntervalMs, openWorld, tokens, trustedToken } from './trust-world.ts';

const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const wrong = (texts: readonly string[]) =>
  texts.map((text) => fakeVector(goldenTexts.has(text) ? text : `${text} but another`));

test('its unverified vectors are embedded again, and it may not join for a while', async () => {
  await using world = await openWorld();
  const { url, hub, blocks } = world;
  const liar = joinFakeRunner({ url, token: tokens.shared, name: 'liar', vectors: wrong });
  await world.ready(1);
  await world.feed(12);
  expect(await world.wrong()).toHaveLength(12);
  const [shown] = hub.runners();
  expect(hub.quarantine(shown?.id ?? '', 'by an operator: it is not ours')).toBe(true);
  expect(await liar.closed).toMatchObject({
    code: 4403,
    reason: expect.stringMatching(/it is not ours/),
  });
  expect(hub.runners()).toMatchObject([
    {
      id: shown?.id,
      state: 'quarantined',
      quarantine: { reason: expect.stringMatching(/it is not ours/) },
    },
  ]);
  expect(blocks.quarantines()).toMatchObject([
    { reason: expect.stringMatching(/it is not ours/), times: 1 },
  ]);
  expect(
    await joinFakeRunner({ url, token: tokens.shared, name: 'renamed', vectors: wrong }).closed,
  ).toMatchObject({ code: 4429, reason: expect.stringMatching(/^quarantined for 10 s more/) });
  joinFakeRunner({
    url,
    token: trustedToken,
    name: 'own',
    vectors: (texts) => texts.map(fakeVector),
  });
  await world.ready(1);
  await world.pass(checkIntervalMs);
  expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
  expect(hub.quarantine(shown?.id ?? '', 'again')).toBe(false);
});

test('the call needs a reason, which the audit trail keeps, and an untrusted runner', async () => {
  const asked: string[] = [];
  const newcomer = { ...runner, id: 'r-1', name: 'tab-1', trusted: false, tokenId: 'token-1' };
  const app = testApp({
    runners: () => [runner, newcomer],
    quarantineRunner: (id, reason) => asked.push(`${id} ${reason}`) > 0,
  });
  const quarantine = (id: string, body: object) => app.post(`/runners/${id}/quarantine`, body);
  const done = await quarantine('r-1', { reason: ' it is not ours ' });
  expect([done.status, await done.json()]).toMatchObject([200, { id: 'r-1' }]);
  expect(asked).toEqual(['r-1 by an operator: it is not ours']);
  expect(app.audited).toMatchObject([
    {
      method: 'POST',
      path: '/runners/r-1/quarantine',
      status: 200,
      runner: 'tab-1',
      join_token: 'token-1',
      reason: 'it is not ours',
    },
  ]);
  for (const [id, body, status, code] of [
    ['r-1', {}, 422, 'validation_failed'],
    ['r-1', { reason: '  ' }, 422, 'validation_failed'],
    ['r-2', { reason: 'wrong' }, 404, 'runner_not_found'],
    [runner.id, { reason: 'wrong' }, 409, 'runner_trusted'],
  ] as const)
    expect(await problemOf(await quarantine(id, body))).toMatchObject({ status, code });
  expect(asked).toHaveLength(1);
});

test('the answer comes once it is durable, and is 503 while the store is away', async () => {
  const stop = new AbortController();
  const clock = new ManualClock();
  const memory = createMemoryRunnerBlocks();
  let isDown = true;
  const blocks = runningBlocks(clock, stop.signal, {
    ...memory,
    put: async (added) => {
      if (isDown) throw unavailable();
      await memory.put(added);
    },
  });
  const newcomer = { ...runner, trusted: false };
  const app = testApp({
    runners: () => [newcomer],
    blocks,
    quarantineRunner: (id, reason) =>
      blocks.quarantine({ by: 'token', id }, reason).reason === reason,
  });
  const quarantine = () => app.post(`/runners/${runner.id}/quarantine`, { reason: 'wrong' });
  expect((await quarantine()).status).toBe(503);
  isDown = false;
  expect((await quarantine()).status).toBe(200);
  expect(await memory.since(0)).toMatchObject([{ reason: 'by an operator: wrong' }]);
  stop.abort();
});
