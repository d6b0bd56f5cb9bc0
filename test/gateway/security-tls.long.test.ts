// HTTPS and WSS with a certificate of `npm run certificate`: what is refused at the start, that
// runners join, and that a renewed certificate is used without a restart.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { connectWebSocket } from '#core/protocol/websocket-channel.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import { makeCertificate } from '../../cli/certificate/make-certificate.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { startGateway, type Gateway } from '../../gateway/gateway.ts';
import { readCertificate } from '../../gateway/http/tls-certificate.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { embedderOf, writeFakeModel } from '../helpers/fake-model-folder.ts';
import { startGateway as startProgram } from '../helpers/gateway-program.ts';
import { oneRunner, startProgram as startRunner } from '../helpers/program.ts';
import { until } from '../helpers/until.ts';

let folder = '';
let revision = '';
let pair: { certPath: string; keyPath: string };
const order = (name: string, now = Date.now(), days = 30) =>
  makeCertificate({
    names: ['localhost', '127.0.0.1'],
    folder: join(folder, name),
    days,
    now,
    force: true,
  });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-tls-'));
  revision = await writeFakeModel(join(folder, 'model'));
  pair = await order('tls');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const warned: string[] = [];
const quiet = {
  info: () => undefined,
  warn: (_: object, message: string) => void warned.push(message),
  error: () => undefined,
};

const read = (certPath: string, keyPath: string) => () =>
  readCertificate(certPath, keyPath, Date.now(), quiet);

describe('a certificate', () => {
  test('that no client could use stops the start, with the reason', async () => {
    const other = await order('other');
    const rubbish = join(folder, 'rubbish.pem');
    await writeFile(rubbish, 'rubbish');
    const locked = join(folder, 'locked.pem');
    execFileSync('openssl', [
      'pkey',
      '-in',
      pair.keyPath,
      '-aes256',
      '-passout',
      'pass:x',
      '-out',
      locked,
    ]);
    expect(read(join(folder, 'nowhere.pem'), pair.keyPath)).toThrow(
      /^VECTORSTREAM_TLS_CERT: .*nowhere\.pem cannot be read \(ENOENT\)/,
    );
    expect(read(pair.certPath, join(folder, 'nowhere.pem'))).toThrow(
      /^VECTORSTREAM_TLS_KEY: .*cannot be read/,
    );
    expect(read(pair.keyPath, pair.certPath)).toThrow(/are the two files swapped/);
    expect(read(rubbish, pair.keyPath)).toThrow(/holds no PEM certificate/);
    expect(read(pair.certPath, rubbish)).toThrow(/holds no PEM private key/);
    expect(read(pair.certPath, other.keyPath)).toThrow(/is not the key of the certificate/);
    expect(read(pair.certPath, locked)).toThrow(/is encrypted.*openssl pkey/);
    for (const env of [{ VECTORSTREAM_TLS_CERT: 'c' }, { VECTORSTREAM_TLS_KEY: 'k' }])
      expect(() => new Settings({ yaml: null, env, flags: new Map() })).toThrow(/HTTPS needs both/);
  });

  test('that has expired, expires soon, or is not valid yet is used with a warning', async () => {
    warned.length = 0;
    const day = 86_400_000;
    for (const [name, now, days] of [
      ['old', Date.now() - 40 * day, 30],
      ['future', Date.now() + 10 * day, 30],
      ['soon', Date.now(), 5],
    ] as const) {
      const made = await order(name, now, days);
      readCertificate(made.certPath, made.keyPath, Date.now(), quiet);
    }
    expect(warned).toEqual([
      expect.stringContaining('has expired'),
      expect.stringContaining('not valid yet'),
      expect.stringContaining('expires within two weeks'),
    ]);
  });
});

const lines: string[] = [];
async function start(data: string, environment: Record<string, string>): Promise<Gateway> {
  const secrets = new Set<string>();
  const log = createLog({
    level: 'info',
    format: 'json',
    secrets,
    destination: { write: (line) => lines.push(line) },
  });
  const settings = new Settings({
    yaml: null,
    flags: new Map(),
    env: {
      VECTORSTREAM_PORT: '0',
      VECTORSTREAM_DATA_DIR: join(folder, data),
      VECTORSTREAM_MODEL: join(folder, 'model'),
      VECTORSTREAM_RUNNERS: '0',
      ...environment,
    },
  });
  return startGateway(settings, {
    log,
    secrets,
    environment: {},
    generator: noGenerator,
    onFatal: (error) => lines.push(`FATAL ${String(error)}`),
  });
}

const answerOf = (url: string, ca: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });

describe('a gateway with a certificate', () => {
  test('speaks only HTTPS and WSS, to clients that trust it, and takes a renewed one', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const made = await order('live');
    const gateway = await start('data', {
      VECTORSTREAM_TLS_CERT: made.certPath,
      VECTORSTREAM_TLS_KEY: made.keyPath,
    });
    cleanUp.defer(() => gateway.close());
    expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const ca = await readFile(made.certPath, 'utf8');
    expect(await answerOf(`${gateway.url}/livez`, ca)).toBe(200);
    await expect(fetch(`${gateway.url}/livez`)).rejects.toThrow('fetch failed');
    await expect(fetch(`${gateway.url.replace('https', 'http')}/livez`)).rejects.toThrow(
      'fetch failed',
    );

    const stop = new AbortController();
    const token = (await readFile(join(folder, 'data', 'runner-token'), 'utf8')).trim();
    const channel = await connectWebSocket(
      { url: gateway.url.replace('https', 'wss'), token, signal: stop.signal },
      (url, protocols) => new WebSocket(url, protocols, { ca }),
    );
    const ended = runRunnerLoop({
      channel,
      embedder: embedderOf(revision),
      turn: always,
      clock: systemClock,
      name: 'loop',
      kind: 'node',
      drain: stop.signal,
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    });
    cleanUp.defer(async () => void (await ended));
    cleanUp.defer(() => stop.abort());
    await until(
      'the runner is ready',
      180_000,
      async () => (await answerOf(`${gateway.url}/readyz`, ca)) === 200,
    );

    const renewed = await order('renewed');
    await writeFile(made.keyPath, 'half a ren');
    await until('the broken pair is reported', 180_000, () =>
      lines.some((line) => line.includes('cannot reread the certificate')),
    );
    expect(await answerOf(`${gateway.url}/livez`, ca)).toBe(200);
    await copyFile(renewed.keyPath, made.keyPath);
    await copyFile(renewed.certPath, made.certPath);
    await until(
      'the renewed certificate is shown',
      180_000,
      async () => (await shown(gateway.url)) === renewed.fingerprint,
    );
    expect(await answerOf(`${gateway.url}/readyz`, await readFile(renewed.certPath, 'utf8'))).toBe(
      200,
    );
    expect(lines.join('')).not.toMatch(/half a ren|BEGIN CERT/);
  });

  test('has its own runners and accepts those of other machines, as processes', async () => {
    const tls = { VECTORSTREAM_TLS_CERT: pair.certPath, VECTORSTREAM_TLS_KEY: pair.keyPath };
    await using gateway = await startProgram(join(folder, 'program'), { ...oneRunner, ...tls });
    const ca = await readFile(pair.certPath, 'utf8');
    expect(gateway.url).toMatch(/^https:/);
    await until(
      'its own runner is ready',
      180_000,
      async () => (await answerOf(`${gateway.url}/readyz`, ca)) === 200,
    );
    const token = (await readFile(join(folder, 'program', 'runner-token'), 'utf8')).trim();
    await using runner = startRunner({
      script: 'node-runner/main.ts',
      flags: ['--runners', '1', '--name', 'from-afar', '--data-dir', join(folder, 'afar')],
      environment: {
        ...oneRunner,
        NODE_EXTRA_CA_CERTS: pair.certPath,
        VECTORSTREAM_GATEWAY_URL: gateway.url.replace('https', 'wss'),
        VECTORSTREAM_RUNNER_TOKEN: token,
      },
    });
    await until('it has joined', 180_000, () =>
      gateway
        .stdout()
        .split('\n')
        .some((line) => line.includes('"runner":"from-afar-1"') && line.includes('runner ready')),
    );
    expect(runner.stdout() + runner.stderr() + gateway.stdout() + gateway.stderr()).not.toContain(
      token,
    );
  });
});

function shown(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
