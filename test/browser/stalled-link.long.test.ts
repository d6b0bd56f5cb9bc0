// A tab whose link goes silent while it loads the model says so, and loads the model when the link
// is back.

import { expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openRunnerTab, startBrowser } from '../helpers/browser.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { until } from '../helpers/until.ts';
import { startTabGateway } from './tab-gateway.ts';

test('a stalled download of the model is retried', async ({ skip }) => {
  await needsBrowser(skip);
  await using open = new AsyncDisposableStack();
  const world = await startTabGateway(open);
  let asked = 0;
  const link: FaultProxy = open.use(
    await startFaultProxy(Number(new URL(world.gateway.url).port), () => ({
      sent(chunk) {
        if (!/^GET \/models\/\w{64}\/\S+\.onnx /m.test(chunk.toString('latin1'))) return;
        asked += 1;
        // The request itself still arrives.
        if (asked === 1) queueMicrotask(() => link.set('answers-lost'));
      },
      answered: () => true,
    })),
  );
  const browser = await startBrowser(noWebGpu);
  open.defer(() => browser.close());
  const tab = await openRunnerTab(
    browser,
    { url: `http://${link.address}` },
    world.token,
    'name=stalled&device=wasm&dtype=int8&threads=1',
  );
  await until('the tab reports the stall', 180_000, async () =>
    /No data came from \S+\.onnx for 30 s/.test(await tab.told()),
  );
  link.set('through');
  expect(await tab.reaches('working', 180_000)).toMatchObject({ state: 'working' });
  expect(await world.runnerNamed('stalled')).toMatchObject({ device: 'wasm' });
  expect(asked).toBeGreaterThan(1);
});
