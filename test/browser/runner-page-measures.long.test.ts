// A tab without WebGPU chooses its dtype by measuring, once for each browser.

import { afterAll, expect, test } from 'vitest';
import { speedupMinDefault } from '#core/runner/device-candidates.ts';
import { needsBrowser, noWebGpu, openBrowser, openRunnerTab } from '../helpers/browser.ts';
import { startTabGateway } from './tab-gateway.ts';

const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

test(
  'a tab measures WASM candidates, uses the best correct one, and does not measure again',
  { timeout: 300_000 },
  async ({ skip }) => {
    await needsBrowser(skip);
    const world = await startTabGateway(open);
    const browser = await openBrowser(open, noWebGpu);
    if (browser === null) return;
    const openTab = (name: string) =>
      openRunnerTab(browser, world.gateway, world.token, `name=${name}&threads=1`);

    const first = await openTab('first');
    const working = await first.reaches('working', 150_000);
    const correct = working.measured.filter((candidate) => candidate.ok);
    expect(correct.map(({ dtype }) => dtype).toSorted()).toEqual(['int8', 'q8']);
    const speed = (wanted: string): number =>
      correct.find(({ dtype }) => dtype === wanted)?.textsPerSecond ?? 0;
    // q8 is closer to the reference; int8 must be much faster to be preferred.
    expect(working.dtype).toBe(speed('int8') >= speedupMinDefault * speed('q8') ? 'int8' : 'q8');
    expect(await first.told()).toContain(
      'This browser offers no WebGPU: the processor embeds, with WebAssembly.',
    );
    expect(await world.runnerNamed('first')).toMatchObject({ dtype: working.dtype });
    await first.page.close();

    const second = await openTab('second');
    expect(await second.reaches('working', 90_000)).toMatchObject({
      dtype: working.dtype,
      measured: [],
    });
    expect(await second.told()).toContain('was the best here when this browser was last measured');
  },
);
