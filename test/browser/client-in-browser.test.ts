// The typed client in a real browser, in a page of another origin that the gateway allows: bundled
// as an application would do it, without any Node module.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { build } from 'vite';
import { beforeEach, expect, test } from 'vitest';
import type * as client from '../../client/client.ts';
import { needsBrowser, noWebGpu, startBrowser } from '../helpers/browser.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

declare const vectorstream: typeof client;
const apiKey = 'a-key-for-a-page';

beforeEach(({ skip }) => needsBrowser(skip));

/** One script that puts the client's exports into `vectorstream`. */
async function bundle(): Promise<string> {
  const entry = join(import.meta.dirname, '..', '..', 'client', 'client.ts');
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: false, lib: { entry, formats: ['iife'], name: 'vectorstream' } },
  });
  const [output] = [built].flat().flatMap((result) => ('output' in result ? result.output : []));
  if (output?.type !== 'chunk') throw new Error('Vite made no script.');
  return output.code;
}

/** A page of another application. */
async function serve(script: string): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer((_request, response) =>
    response
      .setHeader('Content-Type', 'text/html')
      .end(`<!doctype html><script>${script}</script>`),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address.');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('sends, follows, finds, embeds and understands errors', async () => {
  const script = await bundle();
  expect(script).not.toMatch(/node:|require\(/);
  await using folder = await temporaryFolder();
  await using application = await serve(script);
  await using gateway = await startGatewayWithFakeFleet(folder.path, {
    VECTORSTREAM_API_KEY: apiKey,
    VECTORSTREAM_CORS_ORIGINS: application.origin,
  });
  const browser = await startBrowser(noWebGpu);
  try {
    const page = await browser.newPage();
    await page.goto(application.origin);
    const seen = await page.evaluate(
      async (options: client.ClientOptions) => {
        const { createClient, VectorStreamApiError } = vectorstream;
        const here = createClient(options);
        const { accepted, rejected } = await here.events.send([
          {
            event_id: 'b-1',
            timestamp: '2026-01-31T12:00:00Z',
            user_id: 'u',
            event_type: 'view',
            session_id: 's',
            product: { id: 'p', name: 'Brass lantern', price: 1 },
          },
          {
            event_id: 'b-2',
            timestamp: '2026-01-31T12:00:00Z',
            user_id: '',
            event_type: 'view',
            session_id: 's',
          },
        ]);
        for await (const message of here.live({
          topics: ['stats'],
          signal: AbortSignal.timeout(20_000),
        }))
          if (message.type === 'stats' && message.data.store?.events === 1) break;
        const { hits } = await here.search({ query: 'lantern' });
        const { vectors } = await here.embeddings(['red', 'blue']);
        const error: unknown = await here.similar('none').catch((thrown: unknown) => thrown);
        return {
          accepted,
          rejected,
          text: hits[0]?.text,
          dimensions: vectors.map(({ length }) => length),
          code: error instanceof VectorStreamApiError ? error.code : String(error),
        };
      },
      { url: gateway.url, apiKey },
    );
    expect(seen).toEqual({
      accepted: 1,
      rejected: 1,
      text: 'Brass lantern',
      dimensions: [8, 8],
      code: 'product_not_found',
    });
  } finally {
    await browser.close();
  }
}, 90_000);
