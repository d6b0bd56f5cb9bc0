// The whole gateway on a real data folder and real sockets, with a runner loop whose model has no
// weights.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { connectWebSocket } from '#core/protocol/websocket-channel.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import { openJoinTokens } from '../../gateway/access/join-tokens.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { startGateway, type Gateway } from '../../gateway/gateway.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { embedderOf, writeFakeModel } from '../helpers/fake-model-folder.ts';
import { loadedBlocks } from '../helpers/hub-parts.ts';
import { event } from './test-services.ts';

let folder = '';
let revision = '';
const lines: string[] = [];
const cleanUps: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-gateway-'));
  revision = await writeFakeModel(join(folder, 'model'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const settings = (data: string) => ({
  VECTORSTREAM_PORT: '0',
  VECTORSTREAM_DATA_DIR: join(folder, data),
  VECTORSTREAM_MODEL: join(folder, 'model'),
  VECTORSTREAM_RUNNERS: '0',
  VECTORSTREAM_SEARCH_WAIT_MS_MAX: '50',
});

async function start(data: string): Promise<Gateway> {
  const configured = new Settings({ yaml: null, env: settings(data), flags: new Map() });
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

async function joinRunner(gateway: Gateway, data: string) {
  const token = (await readFile(join(folder, data, 'runner-token'), 'utf8')).trim();
  const stop = new AbortController();
  const embedder = embedderOf(revision);
  const channel = await connectWebSocket({
    url: gateway.url.replace('http', 'ws'),
    token,
    signal: stop.signal,
  });
  const end = runRunnerLoop({
    channel,
    embedder,
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
  return { embedder, token };
}

const products = Array.from({ length: 30 }, (_, i) =>
  event({
    event_id: `e-${i}`,
    product: { id: `p-${i % 5}`, name: `Lamp number ${i % 5}`, price: i },
  }),
);
const post = (url: string, path: string, body: unknown) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const stats = async (url: string) => (await fetch(`${url}/stats`)).json();

test('a holder of the shared runner token cannot make join tokens', async () => {
  const [name, clock] = ['forged', systemClock];
  const { url } = await start(name);
  const secret = (await readFile(join(folder, name, 'runner-token'), 'utf8')).trim();
  const dataDir = join(folder, 'forger');
  const forger = await openJoinTokens({ secret, dataDir, clock, blocks: loadedBlocks(clock) });
  const terms = { name, ttlMs: 60_000, runnersMax: 1_000, textsPerSecondMax: null };
  const forged = await forger.make(terms);
  const { token }: { readonly token: string } = await (
    await post(url, '/runners/tokens', {})
  ).json();
  const knock = async (offered = '') =>
    (await fetch(`${url}/runners/connect`, { headers: { authorization: `Bearer ${offered}` } }))
      .status;
  expect([await knock(secret), await knock(token), await knock(forged?.token)]).toEqual([
    204, 204, 401,
  ]);
});

describe('the gateway', () => {
  test('makes events searchable, embeds texts once, survives a restart, hides tokens', async () => {
    const first = await start('data');
    expect(
      (await post(first.url, '/events?on_invalid=dead_letter', [...products, { event_id: 'bad' }]))
        .status,
    ).toBe(202);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(503);
    expect((await post(first.url, '/search', { query: 'lamp', mode: 'meaning' })).status).toBe(503);

    const { embedder, token } = await joinRunner(first, 'data');
    await expect
      .poll(async () => (await stats(first.url)).events)
      .toMatchObject({ received: 31, stored: 30, dead_lettered: 1, unsettled: 0, lag: 0 });
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    expect(await stats(first.url)).toMatchObject({
      texts: { unique_seen: 5, embedded: 5, cache_misses: 5 },
      store: { texts: 5, events: 30 },
      dead_letters: { open: 1 },
      runners: [{ state: 'ready', texts_embedded: 5 }],
    });
    expect(embedder.embedded.filter((text) => text.startsWith('Lamp'))).toHaveLength(5);
    const found = await (
      await post(first.url, '/search', {
        query: 'Lamp number 3',
        limit: 2,
        filter: { price_min: 4 },
      })
    ).json();
    expect(found.hits[0]).toMatchObject({
      text: 'Lamp number 3',
      product: { id: 'p-3' },
      events: { total: 5, by_type: { view: 5 } },
    });
    expect(found.hits[0].score).toBeCloseTo(1, 3);
    expect((await (await fetch(`${first.url}/dlq/messages`)).json()).items).toMatchObject([
      { reason: 'invalid_event', event_id: 'bad', value: '{"event_id":"bad"}' },
    ]);
    expect(await (await fetch(`${first.url}/events/e-7`)).json()).toMatchObject({
      event: { event_id: 'e-7' },
    });
    const metrics = await (await fetch(`${first.url}/metrics`)).text();
    expect(metrics).toContain('vectorstream_events_stored_total 30\n');
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();

    const second = await start('data');
    expect(await stats(second.url)).toMatchObject({
      events: { received: 0, lag: 0 },
      store: { texts: 5, events: 30 },
      dead_letters: { open: 1 },
    });
    const again = await joinRunner(second, 'data');
    await post(second.url, '/events', products);
    await expect
      .poll(async () => (await stats(second.url)).events)
      .toMatchObject({ received: 30, stored: 30, superseded: 30, lag: 0 });
    expect(again.embedder.embedded.filter((text) => text.startsWith('Lamp'))).toHaveLength(0);
    expect(again.token).toBe(token);
    expect(lines.join('')).not.toContain(token);
    expect(lines.filter((line) => line.startsWith('FATAL'))).toEqual([]);
  });

  test('closes once for any number of calls, even while events wait for a runner', async () => {
    const gateway = await start('waiting');
    await post(gateway.url, '/events', products);
    await expect
      .poll(async () => (await stats(gateway.url)).events)
      .toMatchObject({ unsettled: 30 });
    const startedAt = performance.now();
    await Promise.all([gateway.close(), gateway.close()]);
    expect(performance.now() - startedAt).toBeLessThan(4000);
    await expect(fetch(gateway.url)).rejects.toThrow('fetch failed');
    const next = await start('waiting');
    await expect
      .poll(async () => (await stats(next.url)).events)
      .toMatchObject({ received: 30, unsettled: 30 });
  });

  test('a second one on the same folder is refused in one line', async () => {
    await start('shared');
    await expect(start('shared')).rejects.toThrow(/in use|another process/i);
  });
});

async function run(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, ['gateway/main.ts', ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('The child has no output to read.');
  let out = '';
  let err = '';
  stdout.on('data', (chunk) => (out += String(chunk)));
  stderr.on('data', (chunk) => (err += String(chunk)));
  // Not `close`, which never fires for a parent that closed the channel.
  const exited: Promise<unknown[]> = once(child, 'exit');
  const exit = Promise.all([exited, once(stdout, 'end'), once(stderr, 'end')]).then(
    ([[code]]) => code,
  );
  cleanUps.push(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  return { child, exit, output: () => ({ out, err }) };
}

describe('npm start', () => {
  test('--help exits with 0; SIGTERM and the end of its parent end it cleanly', async () => {
    const help = await run(['--help'], {});
    expect(await help.exit).toBe(0);
    expect(help.output().out).toContain('--port');

    const told = await run([], { ...settings('signal'), LOG_FORMAT: 'json' });
    await once(told.child, 'message');
    told.child.kill('SIGTERM');
    expect(await told.exit).toBe(0);
    expect(told.output().out).toContain('"msg":"stopped"');

    const left = await run([], { ...settings('signal'), LOG_FORMAT: 'json' });
    await once(left.child, 'message');
    left.child.disconnect();
    expect(await left.exit).toBe(0);
  });
});
