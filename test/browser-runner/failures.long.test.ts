// Failures of real browser processes during a stream: a crashed page, a killed browser, too much
// memory, a killed supervisor.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needsBrowser } from '../helpers/browser.ts';
import { needsProcessList, pidsOf } from '../helpers/process-list.ts';
import { until } from '../helpers/until.ts';
import { joinMsMax, linesOf, startRig } from './runner-rig.ts';

test('a crashed page and a killed browser are replaced during a stream', async ({ skip }) => {
  needsProcessList(skip);
  await needsBrowser(skip);
  await using rig = await startRig();
  await using runner = rig.startRunner();
  const first = await rig.joined(runner);
  const killedAt = Date.now();
  for (const pid of pidsOf(rig.dataDir, 'page')) process.kill(pid, 'SIGKILL');
  const second = await rig.joined(runner, [first]);
  for (const pid of pidsOf(rig.dataDir, 'browser')) process.kill(pid, 'SIGKILL');
  const stored = rig.streamIsStored(20);
  await rig.joined(runner, [first, second]);
  await stored;
  expect(
    linesOf(runner).flatMap(({ reason, delay_ms: delay }) => (delay === undefined ? [] : [reason])),
  ).toEqual(['the page crashed', expect.stringMatching(/^the browser ended by SIGKILL/)]);
  // The crash itself is noticed, not only the silence after it.
  const noticedAt = linesOf(runner).find(({ reason }) => reason === 'the page crashed')?.['time'];
  expect(Date.parse(String(noticedAt)) - killedAt).toBeLessThan(4_000);
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toMatchObject({ code: 0 });
});

test('a page that crashes while it is opened or loaded is replaced', async ({ skip }) => {
  needsProcessList(skip);
  await needsBrowser(skip);
  await using rig = await startRig();
  await using runner = rig.startRunner();
  const killed = new Set<number>();
  const before: string[] = [];
  while (killed.size < 3) {
    const pid = await until('there is another page', joinMsMax, () =>
      pidsOf(rig.dataDir, 'page').find((one) => !killed.has(one)),
    );
    process.kill(pid, 'SIGKILL');
    killed.add(pid);
    if (killed.size === 1) before.push(await rig.joined(runner));
  }
  expect(before).not.toContain(await rig.joined(runner, before));
});

test('a browser killed with a frozen page leaves nothing behind', async ({ skip }) => {
  needsProcessList(skip);
  await needsBrowser(skip);
  await using rig = await startRig();
  await using runner = rig.startRunner();
  const first = await rig.joined(runner);
  const before = rig.browsers();
  for (const pid of pidsOf(rig.dataDir, 'page')) process.kill(pid, 'SIGSTOP');
  for (const pid of pidsOf(rig.dataDir, 'browser')) process.kill(pid, 'SIGKILL');
  await rig.joined(runner, [first]);
  expect(before.filter(({ pid }) => existsSync(`/proc/${pid}`))).toEqual([]);
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toMatchObject({ code: 0 });
});

test('a page above its memory limit leaves in order and is replaced', async ({ skip }) => {
  await needsBrowser(skip);
  await using rig = await startRig();
  await using runner = rig.startRunner({}, '--memory-max', '100');
  const first = await rig.joined(runner);
  await rig.joined(runner, [first]);
  expect(
    linesOf(runner).find(({ msg }) => msg === 'worker drained; starting a fresh one'),
  ).toMatchObject({ reason: expect.stringMatching(/^the browser held \d{3,} MiB$/) });
});

test('no browser outlives a killed supervisor; the next one reuses its folder', async ({
  skip,
}) => {
  needsProcessList(skip);
  await needsBrowser(skip);
  await using rig = await startRig();
  await using runner = rig.startRunner();
  await rig.joined(runner);
  const browser = rig.browsers();
  expect(browser.map(({ role }) => role)).toEqual(expect.arrayContaining(['browser', 'page']));
  runner.child.kill('SIGKILL');
  await until('the browser is gone', 180_000, () =>
    browser.every(({ pid }) => !existsSync(`/proc/${pid}`)),
  );

  await using next = rig.startRunner();
  await rig.joined(next);
  expect(await readdir(join(rig.dataDir, 'browser-runner'))).toEqual(['1']);
  next.child.kill('SIGINT');
  expect(await next.ended).toMatchObject({ code: 0 });
});
