// Real processes, the real model, and a runner that is right only for golden texts: none of its
// wrong vectors stays in the store.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Embedder } from '#core/ports.ts';
import { cpuBudget, createEmbedder } from '#core/transformers/embedder.ts';
import { cosine } from '#core/vectors/vector.ts';
import { openModelFolder } from '../../node-runner/model-folder.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { startScriptedRunner, type Lie } from '../helpers/scripted-runner.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore, readVectors } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const checkSeconds = 5;
const golden = new Map<string, Float32Array>();
let reference: Embedder;

beforeAll(async () => {
  const { cases }: { cases: { text: string; vector: number[] }[] } = JSON.parse(
    await readFile('models/all-MiniLM-L6-v2/golden.json', 'utf8'),
  );
  for (const { text, vector } of cases) golden.set(text, Float32Array.from(vector));
  const { model, folder } = await openModelFolder('models/all-MiniLM-L6-v2');
  reference = await createEmbedder({
    model,
    location: folder,
    device: 'cpu',
    dtype: 'fp32',
    threads: 1,
    budget: cpuBudget,
    adapter: 'test',
    softwareAdapter: false,
  });
});
afterAll(() => reference[Symbol.asyncDispose]());

/** A unit vector with a wrong direction. */
const lie: Lie = { vectors: (texts) => texts.map((text) => golden.get(text) ?? randomUnit()) };

function randomUnit(): Float32Array {
  const values = Array.from({ length: 384 }, () => Math.random() - 0.5);
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

const right = new Map<string, Float32Array>();

/** The reference vectors of these texts, computed once. */
async function loadReferences(texts: readonly string[]): Promise<void> {
  const unknown = texts.filter((text) => !right.has(text));
  const outcomes = await reference.embed(unknown);
  for (const [at, outcome] of outcomes.entries())
    if (outcome.ok) right.set(unknown[at] ?? '', outcome.vector);
}

/** Stored vectors that do not belong to their text, and texts without a vector. */
async function state(
  dataDir: string,
): Promise<{ readonly wrong: number; readonly missing: number }> {
  const vectors = readVectors(dataDir);
  await loadReferences(vectors.map(({ text }) => text));
  const wrong = vectors.filter(({ text, values }) => cosine(right.get(text) ?? [], values) < 0.9);
  return { wrong: wrong.length, missing: readStore(dataDir).texts.size - vectors.length };
}

test('a gateway killed before it detects the liar embeds its texts again', async () => {
  await using folder = await temporaryFolder();
  const environment = { VECTORSTREAM_RUNNERS_CHECK_SECONDS: String(checkSeconds) };
  const killed = await startGateway(folder.path, { ...environment, VECTORSTREAM_RUNNERS: '0' });
  const token = (await readFile(join(folder.path, 'runner-token'), 'utf8')).trim();
  startScriptedRunner(killed.url, token, lie);
  await sendEvents(killed, shopEvents(300, 150));
  await killed.idle();
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(await state(folder.path)).toEqual({ wrong: 150, missing: 0 });

  // No runner is connected yet, so the vectors are withheld.
  const alone = await startGateway(folder.path, { ...environment, VECTORSTREAM_RUNNERS: '0' });
  await until(
    'no wrong vector is left',
    checkSeconds * 1000 + 5_000,
    async () => (await state(folder.path)).wrong === 0,
  );
  expect((await state(folder.path)).missing).toBe(150);
  expect((await alone.stats()).store).toMatchObject({ texts: 150, events: 300 });
  alone.child.kill('SIGKILL');
  await alone.ended;

  await using gateway = await startGateway(folder.path, environment);
  await gateway.ready();
  await until('all are embedded again', 180_000, async () => {
    const { wrong, missing } = await state(folder.path);
    return wrong + missing === 0;
  });
  expect((await gateway.stats()).store).toMatchObject({ texts: 150, events: 300 });
});

test('a liar is quarantined within a check interval; its vectors go with the next', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, {
    VECTORSTREAM_RUNNERS_CHECK_SECONDS: String(checkSeconds),
  });
  await gateway.ready();
  const token = (await readFile(join(folder.path, 'runner-token'), 'utf8')).trim();
  const liar = startScriptedRunner(gateway.url, token, lie);
  let outAt = 0;
  void liar.closed.then(() => {
    outAt = performance.now();
  });
  await until(
    'it has joined',
    180_000,
    async () =>
      (await gateway.stats()).runners.filter(({ state: is }) => is === 'ready').length === 2,
  );
  await sendEvents(gateway, shopEvents(600, 600));
  await until('it has work', 180_000, () => liar.jobs.length > 1);
  const lied = performance.now();
  expect(await liar.closed).toMatchObject({
    code: 4403,
    reason: expect.stringMatching(/to a trusted runner's/),
  });
  expect(outAt - lied).toBeLessThan(checkSeconds * 1000);
  await gateway.idle();
  await loadReferences([...readStore(folder.path).texts.values()].map(({ text }) => text));
  // They are withheld at once, and re-embedded as fast as the one runner can.
  expect((await state(folder.path)).wrong).toBe(0);
  await until('nothing is missing', 180_000, async () => (await state(folder.path)).missing === 0);
  expect((await state(folder.path)).wrong).toBe(0);
  expect((await gateway.stats()).store).toMatchObject({ texts: 600, events: 600 });
  const { body } = await gateway.get('/runners');
  expect(body).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({
        state: 'quarantined',
        quarantine: { reason: expect.any(String), until: expect.any(String) },
      }),
    ]),
  });
});
