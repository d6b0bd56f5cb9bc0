// The whole gateway with its index in Qdrant: it starts without Qdrant, names it while it is down,
// and loses nothing.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { connectWebSocket } from '#core/protocol/websocket-channel.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { startGateway, type Gateway } from '../../gateway/gateway.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { embedderOf, writeFakeModel } from '../helpers/fake-model-folder.ts';
import { type QdrantDouble, startQdrantDouble } from '../helpers/qdrant-double.ts';
import { event } from './test-services.ts';

const apiKey = 'a-key-for-qdrant';
let folder = '';
let revision = '';
let double: QdrantDouble;
const lines: string[] = [];
const cleanUps: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-qdrant-'));
  revision = await writeFakeModel(join(folder, 'model'));
});
beforeEach(async () => {
  lines.length = 0;
  double = await startQdrantDouble({ apiKey });
  cleanUps.push(() => double.down());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(data: string, more: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const configured = new Settings({
    yaml: null,
    flags: new Map(),
    env: {
      VECTORSTREAM_PORT: '0',
      VECTORSTREAM_DATA_DIR: join(folder, data),
      VECTORSTREAM_MODEL: join(folder, 'model'),
      VECTORSTREAM_RUNNERS: '0',
      QDRANT_URL: double.url,
      QDRANT_API_KEY: apiKey,
      ...more,
    },
  });
  const secrets = new Set<string>();
  const log = createLog({
    level: 'trace',
    format: 'json',
    secrets,
    destination: { write: (line) => lines.push(line) },
  });
  const gateway = await startGateway(configured, {
    log,
    secrets,
    environment: {},
    generator: noGenerator,
    onFatal: (error) => lines.push(`FATAL ${String(error)}`),
  });
  cleanUps.push(() => gateway.close());
  return gateway;
}

async function joinRunner(gateway: Gateway, data: string): Promise<void> {
  const token = (await readFile(join(folder, data, 'runner-token'), 'utf8')).trim();
  const stop = new AbortController();
  const channel = await connectWebSocket({
    url: gateway.url.replace('http', 'ws'),
    token,
    signal: stop.signal,
  });
  const end = runRunnerLoop({
    channel,
    embedder: embedderOf(revision),
    turn: always,
    clock: systemClock,
    name: 'loop',
    kind: 'node',
    drain: stop.signal,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
  });
  cleanUps.push(async () => {
    stop.abort();
    await end;
  });
}

const products = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) =>
    event({
      event_id: `e-${from + i}`,
      product: { id: `p-${i % 5}`, name: `Lamp number ${i % 5}`, price: i },
    }),
  );
const post = (url: string, path: string, body: unknown) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const stored = async (url: string): Promise<unknown> => {
  const { store, events } = await (await fetch(`${url}/stats`)).json();
  return {
    texts: store?.texts,
    events: store?.events,
    lag: events?.lag,
    deadLettered: events?.dead_lettered,
  };
};
const readiness = async (url: string): Promise<string> => (await fetch(`${url}/readyz`)).text();

describe('a gateway whose index is in Qdrant', () => {
  test('starts while Qdrant is down, says so, and continues when Qdrant comes back', async () => {
    await double.down();
    const gateway = await start('data');
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
    expect(
      lines.filter((line) => line.includes('events are accepted and wait until it is available')),
    ).toHaveLength(1);
    expect(await readiness(gateway.url)).toContain(`store: Qdrant at ${double.url} could not`);
    expect((await post(gateway.url, '/events', products(0, 20))).status).toBe(202);
    await joinRunner(gateway, 'data');
    await double.up();
    await expect
      .poll(() => stored(gateway.url))
      .toEqual({ texts: 5, events: 20, lag: 0, deadLettered: 0 });
    await expect.poll(() => readiness(gateway.url)).toContain('ready');

    await double.down();
    expect((await post(gateway.url, '/events', products(20, 20))).status).toBe(202);
    await expect.poll(() => readiness(gateway.url)).toContain('Qdrant');
    await double.up();
    await expect
      .poll(() => stored(gateway.url))
      .toEqual({ texts: 5, events: 40, lag: 0, deadLettered: 0 });

    const found = await (
      await post(gateway.url, '/search', { query: 'Lamp number 3', limit: 2 })
    ).json();
    expect(found.hits[0]).toMatchObject({
      text: 'Lamp number 3',
      product: { id: 'p-3' },
      events: { total: 8, by_type: { view: 8 } },
    });
    expect(await (await fetch(`${gateway.url}/events/e-7`)).json()).toMatchObject({
      event: { event_id: 'e-7' },
    });
    expect(lines.filter((line) => line.includes(apiKey) || line.startsWith('FATAL'))).toEqual([]);
  });

  test('refuses to start on collections of another model, and starts on new ones', async () => {
    await (await start('first')).close();
    const other = join(folder, 'other-model');
    await writeFakeModel(other);
    const manifest = JSON.parse(await readFile(join(other, 'manifest.json'), 'utf8'));
    await writeFile(
      join(other, 'manifest.json'),
      JSON.stringify({ ...manifest, modelId: 'other' }),
    );
    await expect(start('first', { VECTORSTREAM_MODEL: other })).rejects.toMatchObject({
      name: 'IndexMismatchError',
      message: expect.stringContaining('Set QDRANT_COLLECTION'),
    });
    // The folder with log and dead letters is not bound to a model.
    const moved = await start('first', {
      VECTORSTREAM_MODEL: other,
      QDRANT_COLLECTION: 'new_texts',
      QDRANT_EVENTS_COLLECTION: 'new_events',
    });
    expect(await stored(moved.url)).toEqual({ texts: 0, events: 0, lag: 0, deadLettered: 0 });
  });
});
