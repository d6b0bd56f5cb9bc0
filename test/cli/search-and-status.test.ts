// What a person reads of a gateway: hits of a search, and its state, which agrees with /health.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { askStatus, statusText } from '../../cli/status/status-text.ts';
import { clientOf, scriptedStore, testApp } from '../gateway/test-services.ts';
import { scriptedGateway, type ReceivedRequest } from './helpers/scripted-http-gateway.ts';

const root = join(import.meta.dirname, '../..');
const never = new AbortController().signal;

async function run(script: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    once(child, 'close'),
  ]);
  return { code: child.exitCode, stdout, stderr };
}

const hit = {
  score: 0.6123,
  text_id: 'a',
  text: 'Espresso machine',
  product: { product_id: 'p1', name: 'Espresso machine', price: 129 },
  events: { total: 1_234, by_type: { view: 1_230, purchase: 4 } },
  newest: [],
};

describe('npm run search', () => {
  test('sends words and filters, and prints each hit with its score and events', async () => {
    await using gateway = await scriptedGateway(() => ({
      status: 200,
      body: { hits: [hit], took_ms: 8.4 },
    }));
    const words = ['gift for', 'a coffee lover', '--price-max', '150', '--mode', 'words'];
    const { code, stdout, stderr } = await run(
      'cli/search/search-command.ts',
      ...words,
      '--target',
      gateway.url,
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(gateway.requests.map(({ body }: ReceivedRequest) => JSON.parse(body))).toEqual([
      { query: 'gift for a coffee lover', mode: 'words', limit: 5, filter: { price_max: 150 } },
    ]);
    expect(stdout).toContain('0.612  Espresso machine, 129.00');
    expect(stdout).toContain('view 1,230, purchase 4');
  });

  test('says so when nothing is found, and when no runner took part', async () => {
    await using gateway = await scriptedGateway(() => ({
      status: 200,
      body: { hits: [], took_ms: 1, fallback_reason: 'no_runner' },
    }));
    const { stdout } = await run('cli/search/search-command.ts', 'x', '--target', gateway.url);
    expect(stdout).toContain('nothing found\n    --mode meaning shows what is only distantly');
    expect(stdout).toContain('by words alone: no_runner');
  });
});

describe('npm run status', () => {
  test('names what is wrong as /health does, and what still works', async () => {
    const down = new DependencyError('store', 'store_down', 'The disk is gone.', {
      retryable: true,
    });
    const { request } = testApp({
      runners: () => [],
      store: { ...scriptedStore(), event: () => Promise.reject(down) },
    });
    const client = clientOf({ request });
    const status = await askStatus(client, 'http://gateway', never);
    const text = statusText(status);
    expect(status.health.causes).toHaveLength(2);
    for (const { component, message } of status.health.causes)
      expect(text).toContain(`! ${component}: ${message}`);
    expect(text).toMatch(/degraded/);
    expect(text).toMatch(/intake +\S*ready/);
    expect(text).toMatch(/search +\S*not ready \(store, runners\)/);
  });

  test('ends with exit code 1 and one line when no gateway answers', async () => {
    const { code, stdout, stderr } = await run(
      'cli/status/status-command.ts',
      '--target',
      'http://127.0.0.1:1',
    );
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^The gateway at http:\/\/127\.0\.0\.1:1 cannot be reached .*\n$/);
  }, 30_000);
});
