// WebGPU in a Node runner on a software adapter: the packaged Chromium's Vulkan driver with the
// system's Vulkan loader.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parseGolden, parseManifest, sha256Of } from '#core/model/model-manifest.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { cpuBudget, createEmbedder } from '#core/transformers/embedder.ts';
import { cosine } from '#core/vectors/vector.ts';
import { kernelsOf } from '../../bench/kernels-of.ts';
import { openModelFolder } from '../../node-runner/model-folder.ts';
import { browserExecutable } from '../helpers/browser.ts';
import { startProgram } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { modelCopy, shippedModel } from './model-copies.ts';
import { startScriptedGateway } from './scripted-gateway.ts';

const token = 'a-token-of-the-test';
/** A text takes about a second. */
const goldenTexts = 6;

/** Variables that make SwiftShader the only Vulkan driver, or the name of what is missing. */
async function softwareVulkan(): Promise<Record<string, string> | string> {
  const loaders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].map((folder) =>
    join(folder, 'libvulkan.so.1'),
  );
  if (!loaders.some((file) => existsSync(file)))
    return 'there is no Vulkan loader: apt install libvulkan1';
  const chromium = await browserExecutable();
  if (chromium === null) return 'there is no browser on this machine';
  const driver = join(dirname(chromium), 'vk_swiftshader_icd.json');
  return existsSync(driver)
    ? { VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver }
    : `${driver} is missing`;
}

/** `null` where WebGPU cannot be tested; fails there if CI is set. */
async function vulkanOrSkip(
  skip: (reason: string) => void,
): Promise<Record<string, string> | null> {
  const vulkan = await softwareVulkan();
  if (typeof vulkan !== 'string') return vulkan;
  if (process.env['CI']) throw new Error(`WebGPU in Node cannot be tested: ${vulkan}.`);
  process.stderr.write(`SKIPPED, WebGPU in Node: ${vulkan}.\n`);
  skip(vulkan);
  return null;
}

/** Cosines to the processor's float32 arithmetic. */
async function cosinesToProcessor(
  texts: readonly string[],
  outcomes: readonly EmbedOutcome[],
): Promise<readonly number[]> {
  const { model, folder } = await openModelFolder(shippedModel);
  await using embedder = await createEmbedder({
    model,
    location: folder,
    device: 'cpu',
    dtype: 'fp32',
    threads: 0,
    budget: cpuBudget,
    adapter: 'test',
    softwareAdapter: false,
  });
  const expected = await embedder.embed(texts);
  return texts.map((_, index) => {
    const [one, other] = [outcomes[index], expected[index]];
    return one?.ok && other?.ok ? cosine(one.vector, other.vector) : 0;
  });
}

const read = (file: string) => readFile(join(shippedModel, file), 'utf8');

async function fewGoldenTexts() {
  const golden = parseGolden(await read('golden.json'));
  const cases = golden.cases
    .toSorted((a, b) => a.text.length - b.text.length)
    .slice(0, goldenTexts);
  const text = JSON.stringify({ ...golden, cases });
  const manifest = parseManifest(await read('manifest.json'));
  const files = {
    ...manifest.files,
    'golden.json': await sha256Of(new TextEncoder().encode(text)),
  };
  return {
    cases,
    copy: await modelCopy({
      'golden.json': text,
      'manifest.json': JSON.stringify({ ...manifest, files }),
    }),
  };
}

test('VECTORSTREAM_RUNNER_DEVICE=webgpu embeds correctly and reports its software adapter', async ({
  skip,
}) => {
  const vulkan = await vulkanOrSkip(skip);
  if (vulkan === null) return;
  const { cases, copy } = await fewGoldenTexts();
  await using model = copy;
  await using dataDir = await temporaryFolder();
  await using gateway = await startScriptedGateway(token);
  await using runner = startProgram({
    script: 'node-runner/main.ts',
    flags: ['--gateway', gateway.url, '--model', model.folder, '--dtype', 'fp32', '--name', 'gpu'],
    environment: {
      ...vulkan,
      VECTORSTREAM_DATA_DIR: dataDir.path,
      VECTORSTREAM_RUNNER_TOKEN: token,
      VECTORSTREAM_RUNNER_DEVICE: 'webgpu',
    },
  });
  const joined = await Promise.race([
    gateway.joined(),
    runner.ended.then(({ code }): never => {
      throw new Error(`The runner ended with ${code}: ${runner.stderr()}${runner.stdout()}`);
    }),
  ]);
  expect(joined.hello).toMatchObject({
    name: 'gpu-1',
    kind: 'node',
    device: 'webgpu',
    dtype: 'fp32',
    adapter: 'SwiftShader (Vulkan)',
    softwareAdapter: true,
  });
  const texts = cases.slice(0, 2).map(({ text }) => text);
  const { outcomes } = await joined.embed(texts);
  expect(Math.min(...(await cosinesToProcessor(texts, outcomes)))).toBeGreaterThan(0.9997);
  expect(runner.stdout()).toContain('this is a software GPU adapter');
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toMatchObject({ code: 0 });
});

test('a text needs at most 106 kernels, and none of them scales weights', async ({ skip }) => {
  const vulkan = await vulkanOrSkip(skip);
  if (vulkan === null) return;
  await using folder = await temporaryFolder();
  const graph = join(shippedModel, 'onnx/model_webgpu.onnx');
  const kernels = await kernelsOf(graph, folder.path, vulkan);
  expect(kernels.filter((name) => name.startsWith('DequantizeLinear'))).toEqual([]);
  expect(kernels.filter((name) => name.startsWith('SkipLayerNorm'))).toHaveLength(12);
  expect(kernels.length).toBeLessThanOrEqual(106);
});

test('forced WebGPU without a driver ends with one line that says what to install', async ({
  skip,
}) => {
  skip(process.platform !== 'linux', 'Vulkan is the way to the GPU on Linux only');
  await using dataDir = await temporaryFolder();
  const run = () =>
    execFileSync(
      process.execPath,
      ['node-runner/main.ts', '--device', 'webgpu', '--dtype', 'fp32', '--data-dir', dataDir.path],
      {
        encoding: 'utf8',
        stdio: 'pipe',
        env: { ...process.env, VK_ICD_FILENAMES: '/none.json', VK_DRIVER_FILES: '/none.json' },
      },
    );
  expect(run).toThrow(
    /The runner gave up: .* cannot be loaded as fp32 on webgpu: .*WebGPU needs a GPU with its driver, and on Linux the Vulkan loader \(libvulkan1\)\.\n/,
  );
});
