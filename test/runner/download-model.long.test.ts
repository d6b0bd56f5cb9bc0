// A model on Hugging Face is downloaded once, completely and verified, and becomes a folder that
// runners can use.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { readGolden } from '#core/model/model-manifest.ts';
import { huggingFaceFolderName, huggingFaceModelOf } from '#core/model/model-source.ts';
import { candidateRounds } from '#core/runner/device-candidates.ts';
import { cosine } from '#core/vectors/vector.ts';
import { download } from '../../node-runner/download-file.ts';
import { prepareHuggingFaceModel } from '../../node-runner/download-model.ts';
import { draftManifest } from '../../node-runner/draft-manifest.ts';
import { createHuggingFaceApi } from '../../node-runner/hugging-face-api.ts';
import { openConfiguredModel, openModelFolder } from '../../node-runner/model-folder.ts';
import { parseOptions } from '../../node-runner/node-runner-options.ts';
import { openSession } from '../../node-runner/proved-session.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startFakeHuggingFace, type FakeModel } from './fake-hub.ts';
import { graphWithHiddenStates, shippedModel } from './model-copies.ts';

const id = 'somebody/some-model';
const shipped = (path: string): Promise<Buffer> => readFile(join(shippedModel, path));
const silent = pino({ level: 'silent' });
const { signal } = new AbortController();
const nothing = (): void => undefined;

const sessionFiles = async (): Promise<Record<string, Buffer>> =>
  Object.fromEntries(
    await Promise.all(
      ['config.json', 'tokenizer.json', 'tokenizer_config.json'].map(
        async (path) => [path, await shipped(path)] as const,
      ),
    ),
  );

const complete = (): Promise<FakeModel['files']> =>
  sessionFiles().then((files) => ({ ...files, 'onnx/model.onnx': 'graph' }));

describe('a model of the hub', () => {
  test('is downloaded, drafted and checked; later only what is missing', async () => {
    await using hub = await startFakeHuggingFace({
      [id]: {
        files: {
          ...(await sessionFiles()),
          'onnx/model.onnx': await graphWithHiddenStates(),
          'onnx/model_int8.onnx': await shipped('onnx/model_quantized.onnx'),
          'onnx/model_q4.onnx': 'not wanted',
          'README.md': '# some model',
        },
        cardData: { license: 'mit', base_model: 'somebody/base' },
      },
      'somebody/base': {
        files: {
          'modules.json': JSON.stringify([
            { type: 'sentence_transformers.models.Transformer' },
            { type: 'sentence_transformers.models.Pooling' },
          ]),
          '1_Pooling/config.json': JSON.stringify({
            word_embedding_dimension: 384,
            pooling_mode_cls_token: false,
            pooling_mode_mean_tokens: true,
          }),
          'sentence_bert_config.json': JSON.stringify({
            max_seq_length: 250,
            do_lower_case: false,
          }),
          'config_sentence_transformers.json': JSON.stringify({
            prompts: { query: 'query: ', document: 'passage: ' },
            default_prompt_name: null,
          }),
        },
      },
    });
    await using dataDir = await temporaryFolder();
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    const options = (dtype: string) => {
      const parsed = parseOptions(
        ['--model', id, '--data-dir', dataDir.path, '--device', 'cpu', '--dtype', dtype],
        { LOG_LEVEL: 'silent' },
        { hostName: 'shop', terminal: false },
      );
      if (typeof parsed === 'string') throw new Error('no help was asked for');
      return parsed;
    };
    const open = (dtype: string) =>
      openConfiguredModel(
        options(dtype),
        (manifest) =>
          candidateRounds(manifest, options(dtype), {
            devices: ['cpu'],
            dtypeSetting: 'VECTORSTREAM_RUNNER_DTYPE',
          })
            .flat()
            .map((candidate) => candidate.dtype),
        signal,
      );

    const { model, folder } = await open('fp32');
    expect(folder).toBe(join(dataDir.path, 'models', 'somebody--some-model'));
    expect(model.manifest).toMatchObject({
      modelId: id,
      licence: 'mit',
      dimensions: 384,
      maxTokens: 250,
      pooling: 'mean',
      normalise: true,
      prefixes: { query: 'query: ', passage: 'passage: ' },
      golden: 'local',
    });
    expect(Object.keys(model.manifest.dtypes)).toEqual(['fp32', 'int8']);
    expect(hub.requests.filter((path) => path.endsWith('.onnx'))).toEqual([
      expect.stringContaining('onnx/model.onnx'),
    ]);
    const [made, reference] = await Promise.all([
      readGolden(model),
      openModelFolder(shippedModel).then((opened) => readGolden(opened.model)),
    ]);
    expect(
      Math.min(
        ...made.cases.map(({ vector }, index) =>
          cosine(vector, reference.cases[index]?.vector ?? []),
        ),
      ),
    ).toBeGreaterThan(0.99);

    hub.requests.length = 0;
    expect((await open('int8')).model.revision).toBe(model.revision);
    expect(hub.requests.filter((path) => path.includes('/resolve/'))).toEqual([
      expect.stringContaining('onnx/model_int8.onnx'),
    ]);

    await hub.close();
    expect((await open('int8')).folder).toBe(folder);
    const { embedder } = await openSession({
      model: folder,
      device: 'cpu',
      dtype: 'fp32',
      threads: 1,
      measureMs: 0,
    });
    expect(embedder.info).toMatchObject({
      modelId: id,
      modelRevision: model.revision,
      dimensions: 384,
    });
    await embedder[Symbol.asyncDispose]();
    vi.unstubAllEnvs();
  });

  test.each<[string, () => Promise<FakeModel>, RegExp]>([
    [
      'no graphs',
      async () => ({ files: await sessionFiles() }),
      /^somebody\/some-model cannot be used: it has none of onnx\/model\.onnx, /,
    ],
    [
      'no tokenizer',
      async () => ({ files: { 'onnx/model.onnx': 'graph', 'config.json': '{}' } }),
      /^somebody\/some-model cannot be used: it has no tokenizer\.json\.$/,
    ],
    [
      'an invalid graph',
      async () => ({ files: await complete() }),
      /^somebody\/some-model cannot be loaded as fp32 on cpu: /,
    ],
  ])('with %s is refused with one line and leaves no folder', async (_, model, message) => {
    await using hub = await startFakeHuggingFace({ [id]: await model() });
    await using dataDir = await temporaryFolder();
    const folder = join(dataDir.path, 'model');
    const error: unknown = await prepareHuggingFaceModel(
      { model: { id, revision: 'main' }, folder, dtypes: [] },
      createHuggingFaceApi({ endpoint: hub.endpoint, token: null }),
      silent,
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('\n');
    await expect(access(folder)).rejects.toThrow('ENOENT');
  });

  test.each<[string, number, string, boolean, RegExp]>([
    [
      'unknown or private',
      401,
      'RepoNotFound',
      false,
      /^somebody\/some-model is neither a folder here nor a model on 127\.0\.0\.1:\d+ \(401\): check its spelling; a private model needs HF_TOKEN\.$/,
    ],
    [
      'unknown to the token',
      404,
      'RepoNotFound',
      true,
      /\(404\): check its spelling and what HF_TOKEN may read\.$/,
    ],
    [
      'gated',
      403,
      'GatedRepo',
      false,
      /^somebody\/some-model is gated: accept its terms on .* and set HF_TOKEN to a token of that account\.$/,
    ],
    [
      'gated, with a token that is refused',
      403,
      'GatedRepo',
      true,
      /of that account \(the present token is refused\)\.$/,
    ],
    [
      'of an unknown revision',
      404,
      'RevisionNotFound',
      false,
      /^somebody\/some-model is not on .*: give a branch, tag or commit/,
    ],
    [
      'refused for another reason',
      418,
      '',
      false,
      /^somebody\/some-model cannot be downloaded: .* answers 418\.$/,
    ],
  ])(
    'that is %s gets an error that never shows the token',
    async (_, status, code, withToken, message) => {
      await using hub = await startFakeHuggingFace({});
      const sent: (string | undefined)[] = [];
      hub.instead = (request, response) => {
        sent.push(request.headers.authorization);
        response.writeHead(status, { 'x-error-code': code }).end();
        return true;
      };
      const error: unknown = await createHuggingFaceApi({
        endpoint: hub.endpoint,
        token: withToken ? 'hf_secret' : null,
      })
        .list({ id, revision: 'main' })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringMatching(message) });
      expect(JSON.stringify(error) + String(error)).not.toContain('hf_secret');
      expect(sent).toEqual([withToken ? 'Bearer hf_secret' : undefined]);
    },
  );

  test('an unreachable hub, a foreign server and an invalid address are reported', async () => {
    const gone = await startFakeHuggingFace({});
    await gone.close();
    await expect(
      createHuggingFaceApi({ endpoint: gone.endpoint, token: null }).list({ id, revision: 'main' }),
    ).rejects.toThrow(
      /^somebody\/some-model cannot be downloaded: 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)\.$/,
    );
    await using other = await startFakeHuggingFace({});
    other.instead = (_, response) => Boolean(response.end('<html>Welcome</html>'));
    await expect(
      createHuggingFaceApi({ endpoint: other.endpoint, token: null }).list({
        id,
        revision: 'main',
      }),
    ).rejects.toThrow('does not answer like the Hugging Face hub');
    expect(() => createHuggingFaceApi({ endpoint: 'huggingface.co', token: null })).toThrow(
      'HF_ENDPOINT is "huggingface.co"',
    );
  });

  test('that needs more disk space than is free is not downloaded', async () => {
    await using hub = await startFakeHuggingFace({ [id]: { files: await complete() } });
    hub.instead = (request, response) => {
      if (!request.url?.startsWith('/api/')) return false;
      const siblings = [
        'config.json',
        'tokenizer.json',
        'tokenizer_config.json',
        'onnx/model.onnx',
      ].map((rfilename) => ({
        rfilename,
        size: 2 ** 50,
        blobId: '',
        lfs: { sha256: '0'.repeat(64), size: 2 ** 50 },
      }));
      response.end(JSON.stringify({ sha: '0'.repeat(40), siblings }));
      return true;
    };
    await using dataDir = await temporaryFolder();
    const preparing = prepareHuggingFaceModel(
      { model: { id, revision: 'main' }, folder: join(dataDir.path, 'model'), dtypes: [] },
      createHuggingFaceApi({ endpoint: hub.endpoint, token: null }),
      silent,
    );
    await expect(preparing).rejects.toThrow(
      /^The model needs \d+\.\d MB in .*; \d+\.\d MB are free\.$/,
    );
  });

  test('is prepared by a process that fails with one line and no stack', async () => {
    await using hub = await startFakeHuggingFace({});
    await using dataDir = await temporaryFolder();
    const request = {
      model: { id, revision: 'main' },
      folder: join(dataDir.path, 'model'),
      dtypes: [],
      logLevel: 'info',
      logFormat: 'json',
    };
    const child = spawn(
      process.execPath,
      ['node-runner/prepare-model.ts', JSON.stringify(request)],
      {
        env: { ...process.env, HF_ENDPOINT: hub.endpoint },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = await once(child, 'close');
    expect({ code, stderr: stderr.trim() }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^somebody\/some-model is neither a folder here nor a model on [^\n]*$/,
      ),
    });
  });
});

/** For each request for the file: `whole`, or its range. */
const ranges = (requests: readonly string[]): string[] =>
  requests
    .filter((request) => request.includes('/resolve/'))
    .map((request) => request.split(' ')[1] ?? 'whole');

describe('a file of the hub', () => {
  const content = Buffer.alloc(3_000_000, 'weights ');
  const path = 'onnx/model.onnx';
  const arrange = async () => {
    const stack = new AsyncDisposableStack();
    const hub = stack.use(await startFakeHuggingFace({ [id]: { files: { [path]: content } } }));
    const { path: folder } = stack.use(await temporaryFolder());
    const client = createHuggingFaceApi({ endpoint: hub.endpoint, token: null });
    const listing = await client.list({ id, revision: 'main' });
    const file = listing.files.get(path);
    if (file === undefined) throw new Error('the hub has the file');
    const target = join(folder, path);
    return {
      hub,
      target,
      get: (onBytes = nothing as (bytes: number) => void) =>
        download(client, listing, file, target, onBytes),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  };
  test('resumes after a broken connection, and appears only when it is complete', async () => {
    await using here = await arrange();
    let cuts = 0;
    here.hub.instead = (request, response) => {
      if (cuts >= 2) return false;
      cuts += 1;
      const start = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': content.length - start });
      response.write(content.subarray(start, start + 1_000_000), () => response.destroy());
      return true;
    };
    let bytes = 0;
    const there = await Promise.all([
      here
        .get((more) => {
          bytes += more;
        })
        .then(() => readFile(here.target)),
      access(here.target).then(
        () => true,
        () => false,
      ),
    ]);
    expect(there[0].equals(content)).toBe(true);
    expect(there[1]).toBe(false);
    expect(bytes).toBe(content.length);
    expect(ranges(here.hub.requests)).toHaveLength(3);
    expect(
      ranges(here.hub.requests)
        .slice(1)
        .every((range) => /^bytes=[1-9]\d*-$/.test(range)),
    ).toBe(true);
  });

  test('is continued by the next process, from the start if the part is damaged', async () => {
    const ended = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    await once(ended, 'close');
    for (const [left, asked] of [
      [content.subarray(0, 1_000_000), ['bytes=1000000-']],
      [Buffer.alloc(1_000_000), ['bytes=1000000-', 'whole']],
    ] as const) {
      await using here = await arrange();
      await mkdir(join(here.target, '..'), { recursive: true });
      await writeFile(`${here.target}.${ended.pid}.part`, left);
      await here.get();
      expect((await readFile(here.target)).equals(content)).toBe(true);
      expect(ranges(here.hub.requests)).toEqual(asked);
      expect(await readdir(join(here.target, '..'))).toEqual(['model.onnx']);
      await here.get();
      expect(ranges(here.hub.requests)).toEqual(asked);
    }
  });

  test.each([
    ['other bytes', Buffer.alloc(content.length)],
    ['more bytes', Buffer.concat([content, content])],
  ])('with %s than announced is deleted and reported with both hashes', async (_, wrong) => {
    await using here = await arrange();
    here.hub.instead = (_request, response) => Boolean(response.end(wrong));
    await expect(here.get()).rejects.toThrow(
      /^somebody\/some-model\/onnx\/model\.onnx differs from what .* announces: expected SHA-256 [0-9a-f]{64} \(3000000 bytes\), got [0-9a-f]{64} \(\d+ bytes\)\.$/,
    );
    expect(await readdir(join(here.target, '..'))).toEqual([]);
  });
});

const draft = async (files: Readonly<Record<string, unknown>>) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, '1_Pooling'));
  for (const [path, value] of Object.entries(files))
    await writeFile(join(folder.path, path), JSON.stringify(value));
  return await draftManifest({
    folder: folder.path,
    modelId: id,
    licence: 'mit',
    dtypes: ['fp32'],
    output: { name: 'last_hidden_state', dimensions: 8 },
    golden: 'local',
  });
};
const pooling = (...modes: string[]) => ({
  '1_Pooling/config.json': Object.fromEntries(modes.map((mode) => [`pooling_mode_${mode}`, true])),
});

describe('a draft', () => {
  test('uses the smallest of the given lengths', async () => {
    expect(await draft({})).toMatchObject({
      maxTokens: 512,
      pooling: 'mean',
      prefixes: { query: '', passage: '' },
    });
    expect(
      await draft({
        'config.json': { max_position_embeddings: 514, model_type: 'xlm-roberta', pad_token_id: 1 },
        'tokenizer_config.json': { model_max_length: 1e30 },
      }),
    ).toMatchObject({ maxTokens: 512 });
    expect(
      await draft({
        'config.json': { max_position_embeddings: 8192 },
        'sentence_bert_config.json': { max_seq_length: null },
      }),
    ).toMatchObject({ maxTokens: 2048 });
  });

  test('pools as the model says, and refuses unsupported pooling', async () => {
    expect(await draft(pooling('cls_token'))).toMatchObject({ pooling: 'cls' });
    expect(await draft({ '1_Pooling/config.json': { pooling_mode: 'cls' } })).toMatchObject({
      pooling: 'cls',
    });
    await expect(draft(pooling('lasttoken'))).rejects.toThrow(
      'it pools by lasttoken; only mean and cls are supported.',
    );
    await expect(draft(pooling('cls_token', 'mean_tokens'))).rejects.toThrow(
      'it pools by cls and mean;',
    );
    await expect(
      draft({ 'modules.json': [{ type: 'sentence_transformers.models.Dense' }] }),
    ).rejects.toThrow('its modules.json adds Dense, which is not supported.');
    await expect(draft({ 'modules.json': 'none' })).rejects.toThrow(
      'its modules.json has an unexpected format.',
    );
  });

  test('uses the default prompt for both if no other is given', async () => {
    expect(
      await draft({
        'config_sentence_transformers.json': {
          prompts: { sts: 'same: ' },
          default_prompt_name: 'sts',
        },
      }),
    ).toMatchObject({ prefixes: { query: 'same: ', passage: 'same: ' } });
  });
});

test('a setting names a model on Hugging Face, or a folder', () => {
  expect(huggingFaceModelOf('Xenova/bge-small-en-v1.5')).toEqual({
    id: 'Xenova/bge-small-en-v1.5',
    revision: 'main',
  });
  expect(huggingFaceModelOf('Xenova/bge-small-en-v1.5@refs/pr/3')).toEqual({
    id: 'Xenova/bge-small-en-v1.5',
    revision: 'refs/pr/3',
  });
  for (const folder of [
    './mine',
    '../mine/model',
    '/models/mine',
    'models',
    'a/b/c',
    'a/..',
    'a/b@',
    'C:\\models\\mine',
    '',
  ])
    expect(huggingFaceModelOf(folder)).toBeNull();
  const names = ['a/b', 'a/b@v1', 'a/b-v1', 'a/b@refs/pr/1']
    .flatMap((setting) => huggingFaceModelOf(setting) ?? [])
    .map(huggingFaceFolderName);
  expect(names).toEqual(['a--b', 'a--b--v1', 'a--b-v1', 'a--b--refs--pr--1']);
});
