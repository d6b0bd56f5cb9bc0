// Runs every example of docs/client.md unchanged against a running gateway.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

test('every example works, in the order of the guide', async () => {
  const guide = await readFile('docs/client.md', 'utf8');
  const examples = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
  await using folder = await temporaryFolder();
  await using gateway = await startGatewayWithFakeFleet(folder.path);
  const outputs: string[] = [];
  for (const example of examples) {
    const run = promisify(execFile)(
      process.execPath,
      ['--input-type=module-typescript', '--eval', example],
      { env: { ...process.env, VECTORSTREAM_URL: gateway.url }, timeout: 30_000 },
    );
    outputs.push((await run).stdout);
  }
  expect(outputs.length).toBe(6);
  expect(outputs[0]).toMatch(/^1 accepted; product\.price/);
  expect(outputs[1]).toBe('2500 durable\n');
  expect(outputs[2]).toMatch(/Enamel kettle[\s\S]*8 dimensions\n\d recommendations\n$/);
  expect(outputs[3]).toMatch(/^404 product_not_found [0-9a-f-]{36}\n$/);
  expect(outputs[4]).toMatch(
    /^store_rejected Parked by hand\.\n\{ open: 0, replayed: 0, purged: 1 \}\n$/,
  );
  expect(outputs[5]).toContain('stats\n');
}, 90_000);
