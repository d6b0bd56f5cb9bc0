// A tab lent to the fleet, in a real Chromium with WebGPU on a software adapter: right vectors,
// named as such, and a fresh worker when its device is lost.

import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  needsBrowser,
  openRunnerTab,
  softwareWebGpu,
  startBrowser,
  type RunnerTab,
} from '../helpers/browser.ts';
import { until } from '../helpers/until.ts';
import { startTabGateway, type TabGateway } from './tab-gateway.ts';

const open = new AsyncDisposableStack();
let world: TabGateway;
let missing = false;

beforeAll(async () => {
  await needsBrowser(() => {
    missing = true;
  });
  if (!missing) world = await startTabGateway(open);
});
afterAll(() => open.disposeAsync());

const tab = (browser: Browser, query: string): Promise<RunnerTab> =>
  openRunnerTab(browser, world.gateway, world.token, query);

describe('with WebGPU on a software adapter', () => {
  let browser: Browser;
  beforeAll(async () => {
    if (missing) return;
    browser = await startBrowser(softwareWebGpu);
    open.defer(() => browser.close());
  });

  test('forced, it is right and reported as software; a new worker replaces a lost GPU', async ({
    skip,
  }) => {
    await needsBrowser(skip);
    const lent = await tab(browser, 'name=gpu-tab&device=webgpu&dtype=fp32');
    await until('the worker begins', 180_000, () => lent.page.workers().length > 0);
    // Caught as the runtime asks for it, which is after megabytes of files: the page has no
    // handle of it.
    await lent.inWorker(() => {
      const requestDevice = Reflect.get(GPUAdapter.prototype, 'requestDevice');
      GPUAdapter.prototype.requestDevice = async function caught(...wishes) {
        const device = await requestDevice.apply(this, wishes);
        Reflect.set(globalThis, 'caughtDevice', device);
        return device;
      };
    });
    expect(await lent.reaches('working', 180_000)).toMatchObject({
      state: 'working',
      device: 'webgpu',
      dtype: 'fp32',
      softwareAdapter: true,
      adapter: expect.stringMatching(/swiftshader/i),
    });
    expect(await world.runnerNamed('gpu-tab')).toMatchObject({
      device: 'webgpu',
      software_adapter: true,
      adapter: expect.stringMatching(/swiftshader/i),
    });
    for (const value of await world.cosines(2)) expect(value).toBeGreaterThan(0.999);
    expect(await lent.told()).toContain('software adapter');

    // The page ends this worker at once: it may never answer.
    lent
      .inWorker(() => {
        const device: unknown = Reflect.get(globalThis, 'caughtDevice');
        if (device instanceof GPUDevice) device.destroy();
      })
      .catch(() => undefined);
    const after = await until('a fresh worker has joined', 180_000, async () => {
      const now = await lent.status();
      return now.restarts > 0 && now.state === 'working' && now;
    });
    expect(after).toMatchObject({ restarts: 1, device: 'webgpu' });
    expect(await lent.told()).toMatch(/The GPU was lost.* A fresh worker starts/);
    await lent.page.close();
  });

  test('unless forced, WASM is used instead', async ({ skip }) => {
    await needsBrowser(skip);
    const lent = await tab(browser, 'name=wise-tab&dtype=int8&threads=1');
    expect(await lent.reaches('working', 150_000)).toMatchObject({
      state: 'working',
      device: 'wasm',
      adapter: expect.stringMatching(/swiftshader/i),
      softwareAdapter: true,
    });
    expect(await lent.told()).toMatch(
      /only GPU is a software adapter .*WebAssembly, which is faster/,
    );
  });
});
