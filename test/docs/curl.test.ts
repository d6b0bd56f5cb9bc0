// Runs every example of docs/api.md, the commands of the alerts' runbooks and the calls that other
// pages show against a running gateway, and ensures that every path of the API has an example.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { testApp } from '../gateway/test-services.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const blocksOf = async (page: string): Promise<readonly string[]> =>
  [...(await readFile(page, 'utf8')).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(
    (match) => match[1] ?? '',
  );
const blocks = await blocksOf('docs/api.md');
const runbooks = await blocksOf('docs/operations.md');

/** Indented calls, at the address of this gateway; a refusal is a failure. */
const shown = (
  await Promise.all(
    ['README.md', 'docs/privacy.md', 'docs/security.md'].map((page) => readFile(page, 'utf8')),
  )
).flatMap((text) =>
  [...text.matchAll(/^ {4}curl .*\n(?:(?: {5,}.*)\n)*/gm)].map(([call]) =>
    call
      .replace('curl', 'curl --fail-with-body')
      .replace('localhost:8080', '"$VECTORSTREAM_URL"')
      .replace(/'"\$(\w+)"/, `"$$$1"'`),
  ),
);

/** `POST /dlq/replay/{}` for each call; a loop over `$path` stands for each of its paths. */
function calls(block: string): readonly string[] {
  const joined = block.replaceAll(/\\\n\s*/g, ' ');
  const paths = /for path in ([^;]+);/.exec(joined)?.[1]?.split(' ') ?? [];
  return [...joined.matchAll(/curl ([^|]*?)"\$VECTORSTREAM_URL\/([^"?]*)[^"]*"([^|\n]*)/g)].flatMap(
    ([, before = '', path = '', after = '']) => {
      const method = /-X (\w+)/.exec(before)?.[1] ?? (/ -d | --data/.test(after) ? 'POST' : 'GET');
      return (path === '$path' ? paths : [path]).map(
        (one) =>
          `${method} ` +
          `/${one.replaceAll(/\$ID|doc-1|(?<=products\/)[^/]+|(?<=users\/)[^/]+|(?<=models\/).+|(?<=config\/).+/g, '{}')}`,
      );
    },
  );
}

test('every path of the API has an example', async () => {
  const document: { readonly paths: Readonly<Record<string, object>> } = await (
    await testApp().request('/openapi.json')
  ).json();
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`,
    ),
  );
  const documented = new Set(blocks.flatMap(calls));
  expect(described.filter((operation) => !documented.has(operation))).toEqual([]);
});

test('every example works, in the order of the guide, and so do the runbooks', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path);
  await gateway.ready();
  const failures: string[] = [];
  for (const block of [...shown, ...blocks, ...runbooks]) {
    if (block.includes('/search"') || block.includes('/dlq/stats')) await gateway.idle();
    if (block.includes('/events/doc-1'))
      await until(
        'the first event is stored',
        60_000,
        async () => (await gateway.get('/events/doc-1')).status === 200,
      );
    await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', block], {
      env: { ...process.env, VECTORSTREAM_URL: gateway.url },
      timeout: 240_000,
      maxBuffer: 2 ** 24,
    }).catch((error: unknown) =>
      failures.push(
        `${block}\n→` +
          ` ${error instanceof Error ? error.message : String(error)}` +
          (error instanceof Error && 'stdout' in error ? String(error.stdout).slice(0, 600) : ''),
      ),
    );
  }
  expect(failures).toEqual([]);
  expect(blocks.length).toBeGreaterThan(12);
  expect(runbooks.length).toBeGreaterThan(2);
  expect(shown.length).toBe(6);
}, 240_000);
