// The use of a certificate from `npm run certificate`: a page under another name than localhost is
// a secure context, isolated, with WebGPU. The console works without one too. And pages of other
// origins are kept out.

import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'puppeteer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeCertificate } from '../../cli/certificate/make-certificate.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { startGateway, type Gateway } from '../../gateway/gateway.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import {
  browserExecutable,
  needsBrowser,
  softwareWebGpu,
  startBrowser,
} from '../helpers/browser.ts';
import { writeFakeModel } from '../helpers/fake-model-folder.ts';

let folder = '';
let plain: Gateway | undefined;
let secure: Gateway | undefined;
let browser: Browser | null = null;
const log = createLog({
  level: 'silent',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});

/** Both are named box.lan, which the browser resolves to this machine. */
async function start(data: string, environment: Record<string, string>): Promise<Gateway> {
  const settings = new Settings({
    yaml: null,
    flags: new Map(),
    env: {
      VECTORSTREAM_PORT: '0',
      VECTORSTREAM_DATA_DIR: join(folder, data),
      VECTORSTREAM_MODEL: join(folder, 'model'),
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_PUBLIC_HOSTS: 'box.lan',
      ...environment,
    },
  });
  return startGateway(settings, {
    log,
    secrets: new Set(),
    environment: {},
    generator: noGenerator,
    onFatal: () => undefined,
  });
}

beforeEach(({ skip }) => needsBrowser(skip));
beforeAll(async () => {
  if ((await browserExecutable()) === null) return;
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-secure-'));
  await writeFakeModel(join(folder, 'model'));
  const made = await makeCertificate({
    names: ['box.lan'],
    folder: join(folder, 'tls'),
    days: 30,
    now: Date.now(),
    force: false,
  });
  [plain, secure] = await Promise.all([
    start('plain', {}),
    start('secure', { VECTORSTREAM_TLS_CERT: made.certPath, VECTORSTREAM_TLS_KEY: made.keyPath }),
  ]);
  const spki = new X509Certificate(await readFile(made.certPath)).publicKey.export({
    type: 'spki',
    format: 'der',
  });
  // Trusts this one certificate and no other, as a person does after comparing the fingerprint.
  const flags = [
    '--host-resolver-rules=MAP *.lan 127.0.0.1',
    `--ignore-certificate-errors-spki-list=${createHash('sha256').update(spki).digest('base64')}`,
  ];
  browser = await startBrowser([...softwareWebGpu, ...flags]);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await plain?.close();
  await secure?.close();
  await rm(folder, { recursive: true, force: true });
});

const portOf = (gateway: Gateway | undefined): string =>
  new URL(gateway?.url ?? 'http://nobody').port;

async function inPage<T>(
  url: string,
  look: (argument: string) => T | Promise<T>,
  argument = '',
): Promise<T> {
  if (browser === null) throw new Error('No browser was found.');
  const page = await browser.newPage();
  try {
    await page.goto(url);
    return await page.evaluate(look, argument);
  } finally {
    await page.close();
  }
}

const facts = () => ({
  isSecureContext,
  crossOriginIsolated,
  hasWebGpu: 'gpu' in navigator,
  hasCaches: 'caches' in globalThis,
});

/** What the page says once it says that it came over plain HTTP. */
const advice = async () => {
  while (!document.body.innerText.includes('plain HTTP')) await new Promise(requestAnimationFrame);
  return document.body.innerText;
};

test('a page of another name has what runners need over HTTPS, and only then', async () => {
  expect(await inPage(`http://box.lan:${portOf(plain)}/runner`, facts)).toEqual({
    isSecureContext: false,
    crossOriginIsolated: false,
    hasWebGpu: false,
    hasCaches: false,
  });
  for (const path of ['/demo', '/runner#token=any'])
    expect(await inPage(`http://box.lan:${portOf(plain)}${path}`, advice), path).toContain(
      'Browsers give such a page no WebGPU, no threads, no storage',
    );
  expect(await inPage(`https://box.lan:${portOf(secure)}/runner`, facts)).toEqual({
    isSecureContext: true,
    crossOriginIsolated: true,
    hasWebGpu: true,
    hasCaches: true,
  });
  // From now on the browser uses only TLS for this name.
  await expect(inPage(`http://box.lan:${portOf(plain)}/runner`, facts)).rejects.toThrow(
    'ERR_SSL_PROTOCOL_ERROR',
  );
});

/** Runs in a page: its possible actions on the gateway at `host`. */
const attempt = async (host: string) => {
  const socket = new WebSocket(`ws://${host}/ws/events`, ['vectorstream.v1']);
  const opened = await new Promise((resolve) => {
    socket.addEventListener('open', () => resolve('open'));
    socket.addEventListener('error', () => resolve('refused'));
  });
  socket.close();
  const body = JSON.stringify({
    event_id: 'from-a-page',
    timestamp: '2025-12-31T23:00:00Z',
    user_id: 'u',
    event_type: 'view',
    session_id: 's',
    product: { id: 'p', name: 'Lamp', price: 1 },
  });
  // Such a request needs no permission: the browser sends it, whether or not the page may read the
  // answer.
  const sent = await fetch(`http://${host}/events`, { method: 'POST', body, mode: 'no-cors' }).then(
    ({ type }) => type,
    () => 'refused',
  );
  const read = await fetch(`http://${host}/stats`).then(
    ({ status }) => status,
    () => 'refused',
  );
  return { opened, sent, read };
};

test('only pages of this gateway may open its WebSockets, send events and read', async () => {
  const host = `127.0.0.1:${portOf(plain)}`;
  const foreign = createServer((_, response) =>
    response.end('<!doctype html><title>a foreign page</title>'),
  );
  await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
  const address = foreign.address();
  const foreignPort = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    expect(await inPage(`http://${host}/runner`, attempt, host)).toMatchObject({
      opened: 'open',
      read: 200,
    });
    for (const name of ['evil.lan', '127.0.0.1'])
      expect(await inPage(`http://${name}:${foreignPort}/`, attempt, host)).toMatchObject({
        opened: 'refused',
        read: 'refused',
      });
    expect(await (await fetch(`http://${host}/stats`)).json()).toMatchObject({
      events: { received: 0 },
    });
    // A name that resolves to this machine is not necessarily one of the gateway's.
    expect(
      await inPage(`http://rebound.lan:${portOf(plain)}/stats`, () => document.body.textContent),
    ).toContain('host_not_allowed');
  } finally {
    await new Promise((resolve) => foreign.close(resolve));
  }
});

test('the console works over plain HTTP from another machine, and sends an event', async () => {
  if (browser === null) throw new Error('No browser was found.');
  // In a profile of its own, which does not know yet that this name has a certificate.
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(`http://box.lan:${portOf(plain)}/`);
    expect(await page.evaluate(() => isSecureContext)).toBe(false);
    await page.locator('::-p-text(Or send it from here)').click();
    await page.waitForFunction(() => document.body.innerText.includes('Sent.'));
  } finally {
    await context.close();
  }
});
