// A Node runner and a tab share one stream, and each event is stored once, even when the tab is
// killed in the middle of a job.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openRunnerTab, startBrowser } from '../helpers/browser.ts';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { modelWithFewGoldenTexts } from '../helpers/small-golden.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const subjects = 3_000;

test('every event is stored once when the tab is killed with unfinished work', async ({ skip }) => {
  await needsBrowser(skip);
  await using folder = await temporaryFolder();
  // What a tab of a stranger embedded would be embedded again, since it was not yet proven.
  const token = 'the-token-of-our-own-machines';
  await using gateway = await startGateway(folder.path, {
    VECTORSTREAM_TRUSTED_RUNNER_TOKEN: token,
    VECTORSTREAM_MODEL: await modelWithFewGoldenTexts(join(folder.path, 'model')),
  });
  await gateway.ready();
  const browser = await startBrowser(noWebGpu);
  await using open = new AsyncDisposableStack();
  open.defer(() => browser.close());
  await openRunnerTab(browser, gateway, token, 'name=tab&device=wasm&dtype=int8&threads=1');
  const inFleet = async () => (await gateway.stats()).runners.find(({ name }) => name === 'tab');
  await until('the tab is ready', 180_000, async () => (await inFleet())?.state === 'ready');

  const sending = sendEvents(gateway, shopEvents(subjects, subjects));
  await until('the tab has embedded a part, and has more in work', 240_000, async () => {
    const tab = await inFleet();
    return tab !== undefined && tab.texts_embedded >= 50 && tab.jobs_in_work > 0;
  });
  // Ends its processes as a crash does: no script of the page runs any more.
  browser.process()?.kill('SIGKILL');
  expect((await gateway.stats()).store.texts, 'killed in mid-stream').toBeLessThan(subjects);
  await until('the fleet has noticed', 180_000, async () => (await inFleet()) === undefined);

  const sent = await sending;
  expect(sent.uncertain.size).toBe(0);
  await gateway.idle();
  const after = readStore(folder.path);
  expectExactlyOnce(sent, after);
  const by = Map.groupBy(after.texts.values(), ({ runnerName }) => runnerName);
  expect(after.texts.size).toBe(subjects);
  expect(by.get('tab')?.length).toBeGreaterThanOrEqual(50);
  expect([...by.keys()]).toHaveLength(2);
});
