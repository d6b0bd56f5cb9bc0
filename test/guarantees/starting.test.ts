// A gateway that cannot start as configured ends with one line, and never starts in part.

import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway-program.ts';
import { runProgram } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

/** The result of a start: exit code and output. */
async function failingStart(
  dataDir: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  const { code, stdout, stderr } = await runProgram({
    script: 'gateway/main.ts',
    flags,
    environment: { VECTORSTREAM_DATA_DIR: dataDir, VECTORSTREAM_RUNNERS: '0', ...environment },
  });
  return { code, output: stdout + stderr };
}

test('a second gateway on a data folder names the folder and the process that has it', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '0' });
  const { code, output } = await failingStart(folder.path, ['--port', '0']);
  expect(output).toBe(
    `The data folder ${folder.path} is in use by process ${gateway.pid}: stop it, ` +
      'or give this one another folder with VECTORSTREAM_DATA_DIR.\n',
  );
  expect(code).toBe(2);
  expect((await gateway.get('/livez')).status).toBe(200);
});

test('a port that is in use is named', async () => {
  await using folder = await temporaryFolder();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { code, output } = await failingStart(folder.path, ['--port', String(port)]);
  await new Promise((resolve) => server.close(resolve));
  expect(output).toBe(
    `Port ${port} on 127.0.0.1 is in use, perhaps by another gateway: stop that one, ` +
      'or choose another with --port.\n',
  );
  expect(code).toBe(2);
});

test.for([
  ['an unknown flag', ['--prot', '1'], {}, /^Unknown flag "--prot": did you mean --port\?/],
  ['an unknown variable', [], { VECTORSTREAM_PROT: '1' }, /VECTORSTREAM_PROT/],
  ['a port out of range', ['--port', '70000'], {}, /70000.*0 to 65535/],
  [
    'another host without an API key',
    ['--host', '0.0.0.0'],
    { VECTORSTREAM_RUNNER_TOKEN: 'a-runner-token' },
    /0\.0\.0\.0.*VECTORSTREAM_API_KEY/,
  ],
  [
    'another host without a runner token',
    ['--host', '0.0.0.0'],
    { VECTORSTREAM_API_KEY: 'an-api-key' },
    /^gateway\.host is "0\.0\.0\.0", which other machines can reach: set VECTORSTREAM_RUNNER_TOKEN/,
  ],
  [
    'a model folder that is not there',
    ['--model', '/no/such/model'],
    {},
    /^runners\.model is .*\/no\/such\/model/,
  ],
  [
    'a data folder where there can be none',
    ['--data-dir', '/proc/vectorstream/data'],
    {},
    /\/proc\/vectorstream\/data cannot be used/,
  ],
  [
    'a file of settings that is not there',
    ['--config', '/no/such/file.yaml'],
    {},
    /^\/no\/such\/file\.yaml cannot be read/,
  ],
] as const)(
  '%s ends the start with one line that names it',
  async ([, flags, environment, line]) => {
    await using folder = await temporaryFolder();
    const { code, output } = await failingStart(
      folder.path,
      ['--port', '0', ...flags],
      environment,
    );
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toMatch(line);
    expect(output).not.toMatch(/a-runner-token|an-api-key/);
    expect(code).toBe(2);
  },
);
