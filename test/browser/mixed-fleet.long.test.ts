// One stream of 1,500 unique events over a Node runner, a WASM tab and a WebGPU tab on a software
// adapter: all stored once, shares by speed, and right vectors from every runner.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openModel } from '#core/model/model-manifest.ts';
import { cpuBudget, createEmbedder } from '#core/transformers/embedder.ts';
import { cosine } from '#core/vectors/vector.ts';
import { needsBrowser, openRunnerTab, softwareWebGpu, startBrowser } from '../helpers/browser.ts';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { modelWithFewGoldenTexts } from '../helpers/small-golden.ts';
import { readStore, readVectors } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const subjects = 1_500;
const sampleMax = 60;

test(
  'three kinds of runners share 1,500 events by speed, each with a mean cosine of 0.99',
  { timeout: 900_000 },
  async ({ skip }) => {
    await needsBrowser(skip);
    await using folder = await temporaryFolder();
    const model = await modelWithFewGoldenTexts(join(folder.path, 'model'));
    const dataDir = join(folder.path, 'data');
    // Tabs of own machines: those of strangers would first have to prove their answers.
    const token = 'the-token-of-our-own-machines';
    await using gateway = await startGateway(dataDir, {
      VECTORSTREAM_MODEL: model,
      VECTORSTREAM_TRUSTED_RUNNER_TOKEN: token,
    });
    await gateway.ready();
    const browser = await startBrowser(softwareWebGpu);
    await using open = new AsyncDisposableStack();
    open.defer(() => browser.close());
    const tabs = [
      await openRunnerTab(browser, gateway, token, 'name=tab-gpu&device=webgpu&dtype=fp32'),
      await openRunnerTab(
        browser,
        gateway,
        token,
        'name=tab-wasm&device=wasm&dtype=int8&threads=1',
      ),
    ];
    await until(
      'all three are ready',
      400_000,
      async () =>
        (await gateway.stats()).runners.filter(({ state }) => state === 'ready').length === 3,
    );

    const sent = await sendEvents(gateway, shopEvents(subjects, subjects), undefined, {
      perRequest: 500,
      lanes: 1,
    });
    const speeds = new Map<string, number[]>();
    await until('all but the last texts are stored', 400_000, async () => {
      const { runners, store } = await gateway.stats();
      for (const { name, texts_per_second: speed } of runners)
        speeds.set(name, [...(speeds.get(name) ?? []), speed]);
      return store.texts > subjects - 200;
    });
    // The GPU may take longer for its last text than the others for all the rest.
    await gateway.idle(400_000);
    const after = readStore(dataDir);
    expectExactlyOnce(sent, after);
    expect(after.texts.size).toBe(subjects);

    const by = Map.groupBy([...after.texts.values()], ({ runnerName }) => runnerName);
    const texts = (name: string) => by.get(name) ?? [];
    const nodeName = [...by.keys()].find((name) => !name.startsWith('tab-')) ?? '';
    expect([...by.keys()].toSorted()).toEqual([nodeName, 'tab-gpu', 'tab-wasm'].toSorted());
    expect(new Set(texts('tab-gpu').map(({ dtype }) => dtype))).toEqual(new Set(['fp32']));
    // A faster runner has more of the stream, about in proportion to its speed.
    const speed = (name: string) =>
      (speeds.get(name) ?? []).reduce((sum, value, _, all) => sum + value / all.length, 0);
    expect(texts('tab-gpu').length).toBeLessThan(texts('tab-wasm').length);
    const share =
      texts('tab-wasm').length / texts(nodeName).length / (speed('tab-wasm') / speed(nodeName));
    const figures = [nodeName, 'tab-wasm', 'tab-gpu']
      .map((name) => `${name}: ${texts(name).length} texts at ${speed(name).toFixed(1)} a second`)
      .join(', ');
    console.log(figures);
    expect(share, figures).toBeGreaterThan(1 / 3);
    expect(share, figures).toBeLessThan(3);

    const vectors = new Map(readVectors(dataDir).map(({ text, values }) => [text, values]));
    await using reference = await createEmbedder({
      model: await openModel((file) => readFile(join(model, file))),
      location: model,
      device: 'cpu',
      dtype: 'fp32',
      threads: 1,
      budget: cpuBudget,
      adapter: 'processor',
      softwareAdapter: false,
    });
    for (const name of [nodeName, 'tab-gpu', 'tab-wasm']) {
      const sample = texts(name)
        .slice(0, sampleMax)
        .map(({ text }) => text);
      const outcomes = await reference.embed(sample);
      const cosines = outcomes.map((outcome, index) =>
        outcome.ok ? cosine(outcome.vector, vectors.get(sample[index] ?? '') ?? []) : NaN,
      );
      const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
      console.log(`${name}: mean cosine to float32 ${mean.toFixed(4)} of ${cosines.length} texts`);
      expect(mean, name).toBeGreaterThanOrEqual(0.99);
      expect(Math.min(...cosines), name).toBeGreaterThan(0.97);
    }
    for (const tab of tabs)
      expect(await tab.status()).toMatchObject({ state: 'working', restarts: 0 });
  },
);
