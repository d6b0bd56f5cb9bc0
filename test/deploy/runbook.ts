// Runs the command of an alert's runbook as docs/operations.md prints it, against an app in this
// process.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import type { TestApp } from '../gateway/test-services.ts';
import { read } from './compose-file.ts';

/** What the command prints. Rejects when it fails, or when there is none. */
export async function runRunbook(
  alert: string,
  { request, clock }: Pick<TestApp, 'request' | 'clock'>,
): Promise<string> {
  const [, section = ''] =
    new RegExp(`^### ${alert}\n([\\s\\S]*?)(?=^### |$(?![\\s\\S]))`, 'm').exec(
      read('docs/operations.md'),
    ) ?? [];
  const [, command] = /^```sh\n([\s\S]*?)^```$/m.exec(section) ?? [];
  if (command === undefined) throw new Error(`The runbook of ${alert} has no command.`);
  const answer = getRequestListener(async ({ url, method }) => {
    const { pathname, search } = new URL(url);
    const answered = request(pathname + search, { method });
    // Lets the time limits for parts that are silent pass.
    await clock.advance(1_000);
    return answered;
  });
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
    const { port } = server.address() as AddressInfo;
    const run = promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], {
      env: { ...process.env, VECTORSTREAM_URL: `http://127.0.0.1:${port}` },
    });
    return (await run).stdout;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
