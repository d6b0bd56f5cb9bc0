// How pages, their assets and the model's files are served: compressed, in ranges, not twice to one
// client, and nothing outside their folders.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { apiKey, problemOf, testApp, type TestApp } from './test-services.ts';

const script = 'export const answer = 42;\n'.repeat(100);
const noise = randomBytes(1000);
const currentSchema = z.object({
  model_id: z.string(),
  revision: z.string(),
  files: z.array(z.object({ path: z.string(), bytes: z.int() })),
});
let folder: TemporaryFolder;
let app: TestApp;

beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'assets'));
  await mkdir(join(folder.path, 'lend'), { recursive: true });
  await writeFile(join(folder.path, 'lend/index.html'), '<!doctype html><title>Lend</title>');
  await writeFile(join(folder.path, 'assets/page-abc.js'), script);
  await writeFile(join(folder.path, 'assets/page-abc.js.br'), brotliCompressSync(script));
  await writeFile(join(folder.path, 'assets/page-abc.js.gz'), gzipSync(script));
  await writeFile(join(folder.path, 'assets/noise-abc.wasm'), noise);
  await writeFile(join(folder.path, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(folder.path, 'secret.txt'), 'not for the public');
  const { model } = testApp().services;
  app = testApp({
    pagesFolder: folder.path,
    model: { ...model, compressedFolder: join(folder.path, 'compressed') },
  });
});
afterAll(() => folder[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });

describe('a page and its assets', () => {
  test('an asset, named by its hash, is cached for ever; a page is revalidated', async () => {
    expect((await get('/assets/page-abc.js')).headers.get('cache-control')).toBe(
      'public, max-age=31536000, immutable',
    );
    const page = await get('/lend');
    expect(await (await get('/runner')).text()).toBe(await page.text());
    expect([
      page.status,
      page.headers.get('cache-control'),
      page.headers.get('content-type'),
    ]).toEqual([200, 'no-cache', 'text/html; charset=utf-8']);
  });

  test.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['', null],
    ['deflate', null],
  ])('a client that accepts "%s" gets it %s', async (accepted, encoding) => {
    const answer = await get('/assets/page-abc.js', { 'accept-encoding': accepted });
    expect([answer.headers.get('content-encoding'), answer.headers.get('vary')]).toEqual([
      encoding,
      'Accept-Encoding',
    ]);
    expect(Number(answer.headers.get('content-length'))).toBe(
      (await answer.arrayBuffer()).byteLength,
    );
  });

  test('a cached file is not sent again', async () => {
    for (const headers of [{ 'accept-encoding': 'br' }, { 'accept-encoding': '' }]) {
      const etag = (await get('/assets/page-abc.js', headers)).headers.get('etag') ?? '';
      const again = await get('/assets/page-abc.js', {
        ...headers,
        'if-none-match': `"other", ${etag}`,
      });
      expect([again.status, await again.text()]).toEqual([304, '']);
    }
  });

  test.each([
    ['bytes=0-99', 206, 'bytes 0-99/1000', [0, 100]],
    ['bytes=990-', 206, 'bytes 990-999/1000', [990, 1000]],
    ['bytes=-10', 206, 'bytes 990-999/1000', [990, 1000]],
    ['bytes=900-5000', 206, 'bytes 900-999/1000', [900, 1000]],
    ['bytes=0-1,5-6', 200, null, [0, 1000]],
    ['lines=1-2', 200, null, [0, 1000]],
    ['bytes=9-3', 200, null, [0, 1000]],
  ])('%s answers %i', async (range, status, contentRange, [start, end]) => {
    const answer = await get('/assets/noise-abc.wasm', { range });
    expect([
      answer.status,
      answer.headers.get('content-range'),
      answer.headers.get('accept-ranges'),
    ]).toEqual([status, contentRange, 'bytes']);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(noise.subarray(start, end));
  });

  test('a range beyond the end is refused; one of a changed file gets the whole file', async () => {
    expect(
      await problemOf(await get('/assets/noise-abc.wasm', { range: 'bytes=1000-' })),
    ).toMatchObject({ status: 416, code: 'range_not_satisfiable' });
    expect(
      (await get('/assets/noise-abc.wasm', { range: 'bytes=0-9', 'if-range': '"old"' })).status,
    ).toBe(200);
  });

  test.each([
    '/assets/..%2fsecret.txt',
    '/assets/%2e%2e/secret.txt',
    '/assets/page-abc.js.br',
    '/assets/nothing.js',
    '/assets/..%5csecret.txt',
  ])('%s is not served', async (path) => {
    expect(await problemOf(await get(path))).toMatchObject({ status: 404 });
  });

  test('without a build a page says what to do', async () => {
    expect(await problemOf(await testApp().request('/lend'))).toMatchObject({
      status: 503,
      code: 'pages_not_built',
      detail: expect.stringContaining('npm run build'),
    });
  });
});

describe('the model', () => {
  const { model } = testApp().services;

  test('every file of the manifest is listed with its size, and matches its hash', async () => {
    const listed = currentSchema.parse(await (await get('/models/current')).json());
    expect(listed).toMatchObject({ model_id: model.manifest.modelId, revision: model.revision });
    expect(listed.files.map(({ path }) => path).toSorted()).toEqual(
      ['manifest.json', ...Object.keys(model.manifest.files)].toSorted(),
    );
    const tokenizer = await get(`/models/${listed.revision}/tokenizer.json`);
    expect(tokenizer.headers.get('cache-control')).toContain('immutable');
    const bytes = Buffer.from(await tokenizer.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      model.manifest.files['tokenizer.json'],
    );
    expect(listed.files).toContainEqual({ path: 'tokenizer.json', bytes: bytes.length });
  });

  test.each([
    'README.md',
    '../../package.json',
    '..%2f..%2fpackage.json',
    'onnx',
    'onnx/',
    'constructor',
    'nothing.onnx',
  ])('%s, which is not in the manifest, is not served', async (path) => {
    expect(await problemOf(await get(`/models/${model.revision}/${path}`))).toMatchObject({
      status: 404,
    });
  });

  test('files are sent compressed: a small one at once, a graph once its copy exists', async () => {
    const graph = model.manifest.dtypes['q8']?.file ?? '';
    for (const path of ['tokenizer.json', graph]) {
      const accepting = () => get(`/models/${model.revision}/${path}`, { 'accept-encoding': 'br' });
      if (path === graph)
        await until(
          'the copy is made',
          60_000,
          async () => (await accepting()).headers.get('content-encoding') === 'br',
        );
      const answer = await accepting();
      expect(answer.headers.get('content-encoding')).toBe('br');
      expect(
        createHash('sha256')
          .update(brotliDecompressSync(await answer.arrayBuffer()))
          .digest('hex'),
      ).toBe(model.manifest.files[path]);
    }
  });

  test('where no copy can be written, files are sent as they are', async () => {
    const { request } = testApp({ model: { ...model, compressedFolder: '/proc/vectorstream/x' } });
    const answer = await request(`/models/${model.revision}/tokenizer.json`, {
      headers: { 'accept-encoding': 'br' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-encoding')).toBe(null);
    await answer.body?.cancel();
  });

  test('another revision is not served', async () => {
    expect(await problemOf(await get(`/models/${'0'.repeat(64)}/tokenizer.json`))).toMatchObject({
      status: 404,
    });
  });
});

test('where the API has a key, pages and model need none, and nothing else is open', async () => {
  const guarded = testApp({ pagesFolder: folder.path }, { VECTORSTREAM_API_KEY: apiKey });
  for (const path of ['/lend', '/assets/page-abc.js', '/models/current'])
    expect((await guarded.request(path)).status, path).toBe(200);
  for (const path of ['/stats', '/runners', '/assets', '/modelsx'])
    expect((await guarded.request(path)).status, path).toBe(401);
});

test('browsers get an icon, and alerts lead to runbooks that the gateway serves', async () => {
  const icon = await app.request('/favicon.ico');
  expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
  const runbooks = await app.request('/docs/operations.md');
  expect(runbooks.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await runbooks.text()).toContain('### GatewayDown');
});

test('below gateway.basePath every path answers as without it, and OpenAPI names it', async () => {
  const { request } = testApp({}, { VECTORSTREAM_BASE_PATH: '/vectors' });
  for (const path of ['/vectors/livez', '/livez', '/vectors', '/vectors/readyz?for=intake'])
    expect((await request(path)).status, path).toBe(200);
  for (const path of ['/vectorslivez', '/other/livez', '/vectors/vectors/livez'])
    expect((await request(path)).status, path).toBe(404);
  expect(await (await request('/vectors/openapi.json')).json()).toMatchObject({
    servers: [{ url: '/vectors' }],
  });
});
