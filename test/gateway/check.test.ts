// `npm run check`: each part is ok, or the check says what to do.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  checkKafka,
  checkModel,
  checkSchemaRegistry,
  checkStore,
} from '../../gateway/check/check-engines.ts';
import {
  checkClock,
  checkDisk,
  checkFolder,
  checkPort,
} from '../../gateway/check/check-machine.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { lockFolder } from '../../gateway/embedded/folder-lock.ts';
import { startRegistryDouble } from '../helpers/registry-double.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const configOf = (env: Record<string, string> = {}) =>
  parseConfig({ yaml: null, env, flags: new Map() });

/** A server that answers everything like this. */
async function serving(status: number, body: string) {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const portFinding = (port: number) =>
  checkPort(configOf({ VECTORSTREAM_PORT: String(port) }).gateway);

async function storeFinding(url: string) {
  const clocks: number[] = [];
  const found = await checkStore(configOf({ QDRANT_URL: url }), (at) => clocks.push(at));
  return { ...found, clocks: clocks.length };
}

describe('the machine', () => {
  test('a port is free, held by a gateway, or held by a stranger', async () => {
    await using gateway = await serving(200, '{"status":"alive"}');
    await using stranger = await serving(200, 'hello');
    expect(await portFinding(0)).toMatchObject({ isOk: true });
    expect(await portFinding(gateway.port)).toMatchObject({
      isOk: true,
      says: `a gateway is running at ${gateway.port} of 127.0.0.1`,
    });
    expect(await portFinding(stranger.port)).toMatchObject({
      isOk: false,
      says: expect.stringContaining('set VECTORSTREAM_PORT'),
    });
  });

  test('a folder in use is fine only while a gateway runs', async () => {
    await using folder = await temporaryFolder();
    expect(checkFolder(folder.path, false)).toMatchObject({ isOk: true });
    const lock = lockFolder(folder.path);
    expect(checkFolder(folder.path, true)).toMatchObject({ isOk: true });
    expect(checkFolder(folder.path, false)).toMatchObject({
      isOk: false,
      says: expect.stringContaining(`is in use by process ${process.pid}`),
    });
    lock.close();
  });

  test('the disk is held against both watermarks', async () => {
    const { ingest } = configOf();
    expect(await checkDisk('.', ingest)).toMatchObject({ what: 'disk' });
    const levels = await Promise.all([
      checkDisk('.', { ...ingest, diskFreeBytesLow: 0, diskFreeBytesMin: 0 }),
      checkDisk('.', { ...ingest, diskFreeBytesLow: 2 ** 60, diskFreeBytesMin: 0 }),
      checkDisk('.', { ...ingest, diskFreeBytesMin: 2 ** 60 }),
    ]);
    expect(levels.map(({ isOk }) => isOk)).toEqual([true, false, false]);
    expect(levels[2]?.says).toContain('ingest.diskFreeBytesMin');
  });

  test('a clock that is minutes off the store’s is told', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(checkClock(now, []).isOk).toBe(true);
    expect(checkClock(now, [now + 5_000]).isOk).toBe(true);
    expect(checkClock(now, [now - 300_000])).toMatchObject({
      isOk: false,
      says: expect.stringContaining('NTP'),
    });
  });
});

describe('the engines', () => {
  test('a store that answers, refuses the key, is another program, or is down', async () => {
    await using works = await serving(200, '{}');
    await using locked = await serving(401, '');
    await using other = await serving(404, '');
    expect(await storeFinding(works.url)).toMatchObject({ isOk: true, clocks: 1 });
    expect(await storeFinding(locked.url)).toMatchObject({
      isOk: false,
      says: expect.stringContaining('QDRANT_API_KEY'),
    });
    expect(await storeFinding(other.url)).toMatchObject({ isOk: false });
    const { port } = works;
    await works[Symbol.asyncDispose]();
    expect(await storeFinding(`http://127.0.0.1:${port}`)).toMatchObject({
      isOk: false,
      says: expect.stringContaining('start it, or correct QDRANT_URL'),
    });
  });

  test('a broker that does not answer is named', async () => {
    const [broker, ...more] = await checkKafka(configOf({ KAFKA_BROKERS: '127.0.0.1:1' }).kafka, {
      topic: 'events',
    });
    expect(broker).toMatchObject({
      what: 'broker',
      isOk: false,
      says: expect.stringMatching(/^127\.0\.0\.1:1: .*ECONNREFUSED/),
    });
    expect(more).toEqual([]);
  });

  test('the model is opened, and named with its dtypes', async () => {
    expect((await checkModel(configOf(), '.', {})).says).toMatch(/MiniLM.*384 dimensions.*q8/);
  });
});

test('wrong settings end with exit code 2, each in a line of its own', async () => {
  const program = join(import.meta.dirname, '../../gateway/check/check-command.ts');
  const ended = await promisify(execFile)(process.execPath, [program], {
    env: { ...process.env, LOG_LEVEL: 'loud', VECTORSTREAM_PORT: 'many' },
  }).then(
    () => null,
    (error: { readonly code: number; readonly stdout: string }) => error,
  );
  expect(ended?.code).toBe(2);
  expect(ended?.stdout.match(/^ {2}NO {3}settings {2}\w+ is /gm)).toHaveLength(2);
});

const registryFinding = (url: string, env: Record<string, string> = {}) =>
  checkSchemaRegistry(configOf({ SCHEMA_REGISTRY_URL: url, ...env }).schemaRegistry);

test('the Schema Registry answers, refuses the login, is another, or is not there', async () => {
  const login = { username: 'reader', password: 'top-secret' };
  await using registry = await startRegistryDouble(login);
  await using other = await serving(200, '{"name":"something else"}');
  const env = {
    SCHEMA_REGISTRY_USERNAME: login.username,
    SCHEMA_REGISTRY_PASSWORD: login.password,
  };
  const { url } = registry;
  const says = `${url} has schemas of AVRO, JSON, PROTOBUF`;
  expect(await registryFinding(url, env)).toMatchObject({ isOk: true, says });
  const wrong = await registryFinding(url, { ...env, SCHEMA_REGISTRY_PASSWORD: 'wrong-secret' });
  expect(wrong).toMatchObject({ isOk: false, says: expect.stringContaining('refuses the login') });
  expect(wrong.says).not.toContain('wrong-secret');
  expect(await registryFinding(other.url)).toMatchObject({
    isOk: false,
    says: expect.stringContaining('is no Schema Registry (200): correct SCHEMA_REGISTRY_URL'),
  });
  await registry[Symbol.asyncDispose]();
  expect(await registryFinding(url)).toMatchObject({
    isOk: false,
    says: expect.stringContaining('start it, or correct SCHEMA_REGISTRY_URL'),
  });
});
