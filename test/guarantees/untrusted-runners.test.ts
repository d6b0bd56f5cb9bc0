// No runner joins without the token, and no vector of a wrong runner is ever stored: other runners
// embed its texts.

import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { subprotocol } from '#core/protocol/wire.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { oneRunner, startProgram } from '../helpers/program.ts';
import { startScriptedRunner, type Lie } from '../helpers/scripted-runner.ts';
import { sendEvents, shopEvents, type Sent } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const golden = new Map<string, Float32Array>();
let folder: TemporaryFolder;
let gateway: RunningGateway;
let token: string;
let sent: Sent;

/** Keeps two hundred texts waiting for a runner. */
beforeAll(async () => {
  const { cases }: { cases: { text: string; vector: number[] }[] } = JSON.parse(
    await readFile('models/all-MiniLM-L6-v2/golden.json', 'utf8'),
  );
  for (const { text, vector } of cases) golden.set(text, Float32Array.from(vector));
  folder = await temporaryFolder();
  gateway = await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0' });
  token = (await readFile(join(folder.path, 'runner-token'), 'utf8')).trim();
  sent = await sendEvents(gateway, shopEvents(200, 200));
  await until(
    'all events are in flight',
    60_000,
    async () => (await gateway.stats()).events.unsettled === 200,
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function randomUnit(): Float32Array {
  const values = Array.from({ length: 384 }, () => Math.random() - 0.5);
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}
const reference = (text: string): Float32Array => golden.get(text) ?? randomUnit();
/** The runner passes the golden check and lies from its first job of real work on. */
const afterTheCheck =
  (lie: (texts: readonly string[]) => readonly Float32Array[]): Lie['vectors'] =>
  (texts, job) =>
    job === 0 ? texts.map(reference) : lie(texts);
const eachOf = (make: () => Float32Array) => (texts: readonly string[]) =>
  texts.map((text, index) => (index === texts.length - 1 ? make() : reference(text)));

describe('a runner is refused before it connects', () => {
  test.for([
    ['without a token', (): Record<string, string> => ({}), 401],
    ['with a wrong token', () => ({ authorization: 'Bearer not-the-token' }), 401],
    ['with the token and one character more', () => ({ authorization: `Bearer ${token}x` }), 401],
  ] as const)('%s', async ([, headers, status]) => {
    const answer = await upgrade(headers());
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain(token);
    expect((await gateway.get('/runners')).body).toMatchObject({ items: [] });
  });

  test('a real runner logs the refusal', async () => {
    await using runner = startProgram({
      script: 'node-runner/main.ts',
      channel: true,
      flags: ['--gateway', gateway.url.replace('http', 'ws'), '--runners', '1'],
      environment: {
        ...oneRunner,
        VECTORSTREAM_DATA_DIR: folder.path,
        VECTORSTREAM_RUNNER_TOKEN: 'not-the-token',
      },
    });
    await until('it reports the refused token', 60_000, () =>
      runner.stdout().includes('refuses the runner token'),
    );
    expect(runner.stdout()).not.toContain('not-the-token');
    expect((await gateway.stats()).runners).toEqual([]);
  });
});

describe('nothing is stored of a runner', () => {
  test.for<[string, Lie, number, RegExp]>([
    [
      'whose golden vectors are random unit vectors',
      { vectors: (texts) => texts.map(randomUnit) },
      4403,
      /vectors are wrong: cosine to the reference/,
    ],
    [
      'that mixes up two golden texts',
      {
        vectors: (texts) =>
          [...texts.slice(1, 2), ...texts.slice(0, 1), ...texts.slice(2)].map(reference),
      },
      4403,
      /vectors are wrong/,
    ],
    [
      'that sends NaN',
      { vectors: afterTheCheck(eachOf(() => new Float32Array(384).fill(NaN))) },
      4403,
      /NaN, not a finite number/,
    ],
    [
      'that sends zeros',
      { vectors: afterTheCheck(eachOf(() => new Float32Array(384))) },
      4403,
      /length is 0\.0*, not 1/,
    ],
    [
      'that sends vectors of length 2',
      { vectors: afterTheCheck(eachOf(() => randomUnit().map((value) => 2 * value))) },
      4403,
      /length is 2\.0*, not 1/,
    ],
    [
      'that sends too few dimensions',
      { vectors: afterTheCheck((texts) => texts.map(() => randomUnit().subarray(0, 383))) },
      4400,
      /must have \d+ bytes/,
    ],
    [
      'that sends one vector too few',
      { vectors: afterTheCheck((texts) => texts.slice(1).map(randomUnit)) },
      4400,
      /has \d+ texts, its answer \d+ outcomes/,
    ],
    [
      'that sends one vector too many',
      { vectors: afterTheCheck((texts) => [...texts, 'more'].map(randomUnit)) },
      4400,
      /has \d+ texts, its answer \d+ outcomes/,
    ],
    [
      'that has another model',
      { vectors: (texts) => texts.map(reference), hello: { modelRevision: 'f'.repeat(64) } },
      4409,
      /modelRevision is f+/,
    ],
    [
      'that has other dimensions',
      { vectors: (texts) => texts.map(reference), hello: { dimensions: 768 } },
      4409,
      /dimensions is 768, not 384/,
    ],
  ])('%s', async ([, lie, code, reason]) => {
    const runner = startScriptedRunner(gateway.url, await joinToken(), lie);
    const closed = await runner.closed;
    expect(closed).toEqual({ code, reason: expect.stringMatching(reason) });
    const { store, runners, events } = await gateway.stats();
    expect(store).toMatchObject({ texts: 0, events: 0 });
    expect(runners.filter(({ state }) => state !== 'quarantined')).toEqual([]);
    expect(events.unsettled).toBe(200);
  });
});

test(
  'an honest runner then embeds everything, and nothing is dead-lettered',
  { timeout: 240_000 },
  async () => {
    await using honest = startProgram({
      script: 'node-runner/main.ts',
      channel: true,
      flags: ['--gateway', gateway.url.replace('http', 'ws'), '--runners', '1', '--name', 'honest'],
      // The token comes from the data folder.
      environment: { ...oneRunner, VECTORSTREAM_DATA_DIR: folder.path },
    });
    await gateway.idle();
    expect(honest.stderr()).toBe('');
    const { eventIds, texts, deadLetters } = readStore(folder.path);
    expect(new Set(eventIds)).toEqual(sent.acknowledged);
    expect(deadLetters).toEqual([]);
    expect(new Set([...texts.values()].map(({ runnerName }) => runnerName))).toEqual(
      new Set(['honest-1']),
    );
  },
);

/** Each liar has its own: its fault then slows no other runner of this address. */
async function joinToken(): Promise<string> {
  const response = await fetch(`${gateway.url}/runners/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'liar', ttl_minutes: 10, runners_max: 1 }),
  });
  return z.object({ token: z.string() }).parse(await response.json()).token;
}

/** The status of a refused WebSocket upgrade. */
async function upgrade(
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const attempt = request(`${gateway.url}/runners/connect`, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': subprotocol,
        ...headers,
      },
    });
    attempt.on('upgrade', () => reject(new Error('the gateway accepted the connection')));
    attempt.on('error', reject);
    attempt.on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    attempt.end();
  });
}
