// The gateway finds its model by folder or by name, has it downloaded by another process, and
// prepares texts as the model was trained.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DependencyError, UsageError } from '#core/errors/errors.ts';
import type { EmbeddingService } from '#core/ports.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { findModel } from '../../gateway/fleet/find-model.ts';
import { withPrefixes } from '../../gateway/fleet/prefixed-embedding.ts';
import { runProgram } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startFakeHuggingFace } from '../runner/fake-hub.ts';

const configOf = (model: string) =>
  parseConfig({
    yaml: null,
    env: { VECTORSTREAM_MODEL: model, LOG_LEVEL: 'silent' },
    flags: new Map(),
  });

test('a folder wins over a model name; a downloaded model needs no network', async () => {
  await using data = await temporaryFolder();
  const root = join(import.meta.dirname, '..', '..');
  expect(await findModel(configOf('models/all-MiniLM-L6-v2'), data.path, {})).toEqual({
    folder: join(root, 'models/all-MiniLM-L6-v2'),
    setting: join(root, 'models/all-MiniLM-L6-v2'),
  });
  expect(await findModel(configOf(data.path), data.path, {})).toEqual({
    folder: data.path,
    setting: data.path,
  });
  const downloaded = join(data.path, 'models', 'somebody--some-model');
  await mkdir(downloaded, { recursive: true });
  expect(
    await findModel(configOf('somebody/some-model'), data.path, {
      HF_ENDPOINT: 'http://127.0.0.1:1',
    }),
  ).toEqual({ folder: downloaded, setting: 'somebody/some-model' });
  await expect(findModel(configOf('./nowhere'), data.path, {})).rejects.toThrow(
    /^runners\.model is "\.\/nowhere": there is no such folder\. Give a folder .*, or the id of a model on Hugging Face/,
  );
});

test('the error of the preparing process is reported with its class', async () => {
  await using data = await temporaryFolder();
  await using hub = await startFakeHuggingFace({});
  const find = (endpoint: string): Promise<unknown> =>
    findModel(configOf('somebody/some-model'), data.path, {
      ...process.env,
      HF_ENDPOINT: endpoint,
    }).catch((error: unknown) => error);
  const [unknown, unreachable] = await Promise.all([
    find(hub.endpoint),
    find('http://127.0.0.1:9'),
  ]);
  expect(unknown).toBeInstanceOf(UsageError);
  expect(unknown).toMatchObject({
    message: expect.stringMatching(
      /^somebody\/some-model is neither a folder here nor a model on 127\.0\.0\.1:\d+ \(401\)/,
    ),
  });
  expect(unreachable).toBeInstanceOf(DependencyError);
  expect(unreachable).toMatchObject({
    message: expect.stringMatching(
      /^somebody\/some-model cannot be downloaded: 127\.0\.0\.1:9 cannot be reached \(.*\)\.$/,
    ),
  });
});

test('the shipped model is found from any working directory', async () => {
  await using data = await temporaryFolder();
  const { code, stderr } = await runProgram({
    script: 'gateway/main.ts',
    directory: data.path,
    environment: {
      VECTORSTREAM_DATA_DIR: data.path,
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_HOST: '192.0.2.1',
      VECTORSTREAM_API_KEY: 'key',
      VECTORSTREAM_RUNNER_TOKEN: 'token',
    },
  });
  // The gateway got as far as its address, which no machine has, so it had opened the model.
  expect({ code, stderr }).toMatchObject({
    code: expect.any(Number),
    stderr: expect.stringContaining('192.0.2.1'),
  });
});

test('a search gets the query prefix and the stream the passage prefix, if any', async () => {
  const embedded: string[] = [];
  const service: EmbeddingService = {
    embed(text) {
      embedded.push(text);
      return Promise.resolve({
        ok: false,
        code: 'none',
        message: 'none',
        attempts: 0,
        runner: null,
      });
    },
  };
  const { signal } = new AbortController();
  const prefixed = withPrefixes(service, { query: 'query: ', passage: 'passage: ' });
  await prefixed.embed('lamp', { priority: 'search', signal });
  await prefixed.embed('lamp', { priority: 'bulk', signal });
  expect(embedded).toEqual(['query: lamp', 'passage: lamp']);
  expect(withPrefixes(service, { query: '', passage: '' })).toBe(service);
});
