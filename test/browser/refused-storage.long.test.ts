// A real browser that refuses storage to pages and their workers, as in some private windows: every
// page works without it. The console asks for its key again after a reload.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Browser, Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsBrowser, noWebGpu, openBrowser } from '../helpers/browser.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { driveDemo, waitMsMax } from './demo-page.ts';

/** Runs first in every page and worker. */
const refusal = `{
  const refuse = () => new DOMException('The operation is insecure.', 'SecurityError');
  for (const name of ['open', 'keys', 'match', 'has', 'delete'])
    CacheStorage.prototype[name] = () => Promise.reject(refuse());
  for (const name of ['sessionStorage', 'localStorage'])
    if (name in globalThis)
      Object.defineProperty(globalThis, name, { get: () => { throw refuse(); } });
}
`;
const apiKey = 'a-key-that-nobody-can-guess-42';

const open = new AsyncDisposableStack();
let browser: Browser;
let url: string;
let token: string;

beforeAll(async () => {
  const started = await openBrowser(open, noWebGpu);
  if (started === null) return;
  browser = started;
  const folder = open.use(await temporaryFolder());
  const environment = { VECTORSTREAM_RUNNERS: '0', VECTORSTREAM_API_KEY: apiKey };
  const gateway = open.use(await startGateway(folder.path, environment));
  token = (await readFile(join(folder.path, 'runner-token'), 'utf8')).trim();
  ({ url } = open.use(await refuseInWorkers(new URL(gateway.url))));
}, waitMsMax);
afterAll(() => open.disposeAsync());

/** Passes everything to the gateway and back; scripts of workers begin with the refusal. */
async function refuseInWorkers(to: URL): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const pass = async (): Promise<void> => {
      const body = request.method === 'POST' ? await text(request) : null;
      const headers = new Headers({ 'accept-encoding': 'identity' });
      for (const name of ['authorization', 'content-type', 'accept'])
        if (typeof request.headers[name] === 'string') headers.set(name, request.headers[name]);
      const answer = await fetch(new URL(path, to), {
        method: request.method ?? 'GET',
        headers,
        body,
      });
      const sent = Buffer.from(await answer.arrayBuffer());
      for (const [name, value] of answer.headers)
        if (!/^(content-length|transfer-encoding|connection|etag)$/.test(name))
          response.setHeader(name, value);
      response.statusCode = answer.status;
      response.end(
        /worker[^/]*\.js$/.test(path) ? Buffer.concat([Buffer.from(refusal), sent]) : sent,
      );
    };
    pass().catch(() => response.destroy());
  });
  server.on('upgrade', ({ url: path, rawHeaders }, socket) => {
    const upstream = connect(Number(to.port), to.hostname);
    const lines = [`GET ${path} HTTP/1.1`];
    for (let at = 0; at < rawHeaders.length; at += 2)
      lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    upstream.pipe(socket).pipe(upstream);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pageWithoutStorage(path: string) {
  const page = await (await browser.createBrowserContext()).newPage();
  page.setDefaultTimeout(waitMsMax - 30_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.evaluateOnNewDocument(refusal);
  await page.goto(url + path, { waitUntil: 'load' });
  expect(await page.evaluate(() => caches.open('x').then(String, String))).toContain('insecure');
  return { page, errors };
}

const shows = (page: Page, words: string) =>
  page.waitForFunction((wanted) => document.body.innerText.includes(wanted), {}, words);

describe('without storage', { timeout: waitMsMax }, () => {
  test('the demo embeds and searches', async ({ skip }) => {
    await needsBrowser(skip);
    const { page, errors } = await pageWithoutStorage('/demo');
    const demo = driveDemo(page);
    await demo.embed();
    expect(await demo.text('[data-phase]')).toBe('64 products embedded. Search away.');
    expect((await demo.search('keeps me dry in a storm'))[0]).toBe('Drizzle Shell');
    expect(errors).toEqual([]);
    await page.close();
  });

  test('a lent tab works for the fleet', async ({ skip }) => {
    await needsBrowser(skip);
    const { page, errors } = await pageWithoutStorage(`/runner?dtype=q8#token=${token}`);
    await page.waitForFunction(`window.vectorstream?.status.state === 'working'`);
    expect(errors).toEqual([]);
    await page.close();
  });

  test.for(['/', '/search', '/fleet', '/dead-letters'])(
    'the console at %s opens with a key, and asks again after a reload',
    async (path, { skip }) => {
      await needsBrowser(skip);
      const { page, errors } = await pageWithoutStorage(path);
      const asks = 'This gateway asks for an API key.';
      await shows(page, asks);
      await page.type('input[type=password]', apiKey);
      await page.keyboard.press('Enter');
      await page.waitForFunction(
        (question) => !document.body.innerText.includes(question),
        {},
        asks,
      );
      await page.waitForSelector('nav a[aria-current=page]');
      await page.reload();
      await shows(page, asks);
      expect(errors).toEqual([]);
      await page.close();
    },
  );

  test('the reference of the API is shown', async ({ skip }) => {
    await needsBrowser(skip);
    const { page, errors } = await pageWithoutStorage('/docs');
    await shows(page, 'VectorStream');
    await shows(page, 'Search');
    expect(errors).toEqual([]);
    await page.close();
  });
});
