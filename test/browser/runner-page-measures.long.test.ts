// A tab without WebGPU chooses its dtype by measuring, once for each browser.

import { afterAll, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser, openRunnerTab } from '../helpers/browser.ts';
import { startTabGateway } from './tab-gateway.ts';

const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

test('a tab measures what it can run, uses the best correct one, and measures once', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const world = await startTabGateway(open);
  const browser = await openBrowser(open, noWebGpu);
  if (browser === null) return;
  const openTab = (name: string) =>
    openRunnerTab(browser, world.gateway, world.token, `name=${name}&threads=1`);

  const first = await openTab('first');
  const working = await first.reaches('working', 150_000);
  const correct = working.measured.filter((candidate) => candidate.ok);
  expect(correct.map(({ dtype }) => dtype)).toEqual(['q8']);
  expect(working.dtype).toBe('q8');
  expect(await first.told()).toContain(
    'This browser offers no WebGPU: the processor embeds, with WebAssembly.',
  );
  expect(await world.runnerNamed('first')).toMatchObject({ dtype: working.dtype });
  // Nothing else is left to measure, and the choice is kept once the tab has a quiet moment.
  await first.page.waitForFunction(() => localStorage.getItem('vectorstream-choice') !== null);
  await first.page.close();

  const second = await openTab('second');
  expect(await second.reaches('working', 180_000)).toMatchObject({
    dtype: working.dtype,
    measured: [],
  });
  expect(await second.told()).toContain('was the best here when this browser was last measured');
});
