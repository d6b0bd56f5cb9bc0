// Schemathesis reads the API's own description and searches for answers that it does not allow: a
// failure, an unknown status, a wrong body.

import { execFile, type ExecFileOptionsWithStringEncoding } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { startGatewayWithFakeFleet } from '../helpers/fake-fleet.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const version = '4.32.5';
const environment = join(root, 'node_modules', '.cache', `schemathesis-${version}`);
const python = join(environment, 'bin', 'python3');
/** Run as a module: the installed script contains the path of its folder, which may move. */
const schemathesis = (
  flags: readonly string[],
  options: ExecFileOptionsWithStringEncoding = { encoding: 'utf8' },
) => run(python, ['-m', 'schemathesis.cli', ...flags], options);

/**
 * Creates its own Python environment once. Returns the reason when Python or the package index is
 * missing.
 */
async function installed(): Promise<string | null> {
  try {
    if (!existsSync(python)) {
      await run('python3', ['-m', 'venv', '--clear', environment]);
      await run(python, [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        `schemathesis==${version}`,
      ]);
    }
    await schemathesis(['--version']);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 500) : String(error);
  }
}

const event = (n: number) => ({
  event_id: `e-${n}`,
  timestamp: '2026-01-31T12:00:00Z',
  user_id: 'u-8',
  event_type: 'view' as const,
  session_id: 's-8',
  product: { id: `p-${n}`, name: `Kettle no. ${n}`, price: n },
});

test('does only what its description says, for any request', async (context) => {
  const missing = await installed();
  if (missing !== null) {
    if (process.env['CI']) throw new Error(`Schemathesis cannot run: ${missing}`);
    process.stderr.write(`SKIPPED, fuzzing by Schemathesis: ${missing}\n`);
    context.skip(missing);
  }
  await using folder = await temporaryFolder();
  await using gateway = await startGatewayWithFakeFleet(folder.path, {
    VECTORSTREAM_SEARCH_WAIT_MS_MAX: '500',
  });
  const client = createClient({ url: gateway.url });
  await client.events.send(Array.from({ length: 30 }, (_, n) => event(n)));
  await client.events.send(
    [
      { ...event(31), user_id: '' },
      { ...event(32), session_id: '' },
    ],
    { onInvalid: 'dead_letter' },
  );
  await gateway.idle();
  const deadLetters: string[] = [];
  for await (const { id } of client.deadLetters.list()) deadLetters.push(id);
  const knownIds = {
    '/events/{id}': ['e-1', 'e-2'],
    '/products/{id}/similar': ['p-1', 'p-2'],
    '/users/{id}/recommendations': ['u-8'],
    '/v1/models/{model}': ['fake-model'],
    '/dlq/messages/{id}': deadLetters,
    '/dlq/replay/{id}': deadLetters,
    '/config/{section}': ['pipeline', 'search', 'logging'],
  };
  // Here 503 is a valid answer, because runners are disconnected and reconnect. Like every status,
  // it must be described.
  await writeFile(
    join(folder.path, 'schemathesis.toml'),
    '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503]\n',
  );
  const said = await schemathesis(
    [
      // It cannot check an endless stream.
      'run',
      `${gateway.url}/openapi.json`,
      '--no-color',
      '--exclude-path',
      '/sse/events',
      '--phases',
      'examples,coverage,fuzzing',
      '--max-examples',
      '10',
      '--max-time',
      '80',
      '--checks',
      'not_a_server_error,status_code_conformance,content_type_conformance,' +
        'response_schema_conformance,response_headers_conformance',
      '--continue-on-failure',
      '--request-timeout',
      '20',
      '--generation-database',
      'none',
      '--output-truncate',
      'true',
    ],
    {
      cwd: folder.path,
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
      timeout: 400_000,
      env: {
        ...process.env,
        SCHEMATHESIS_HOOKS: join(root, 'test/gateway/schemathesis-hooks.py'),
        KNOWN_IDS: JSON.stringify(knownIds),
        GATEWAY_URL: gateway.url,
      },
    },
  ).catch((error: unknown) => {
    const told =
      typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`Schemathesis found a problem, or could not run:\n${told.slice(-20_000)}`, {
      cause: error,
    });
  });
  // The gateway still works. What was there may be erased: it asks for that, too.
  expect(said.stdout).toMatch(/\d{3,} generated/);
  await client.events.send([{ ...event(99), user_id: 'u-9', session_id: 's-9' }]);
  await gateway.idle();
  expect((await client.events.get('e-99'))?.event).toMatchObject({ event_id: 'e-99' });
  await gateway.ready();
});
