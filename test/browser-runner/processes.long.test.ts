// The real program `browser-runner/main.ts` with its headless Chromium, at a real gateway that has
// no other runner.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needsBrowser } from '../helpers/browser.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { freePort, runProgram } from '../helpers/program.ts';
import { until } from '../helpers/until.ts';
import { joinMsMax, linesOf, startRig, type RunnerRig } from './runner-rig.ts';
import { workingPage } from './working-page.ts';

let rig: RunnerRig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

test('a page embeds a stream, keeps the token secret, and leaves in order on SIGTERM', async ({
  skip,
}) => {
  needsProcessList(skip);
  await needsBrowser(skip);
  await using runner = rig.startRunner();
  await rig.joined(runner);
  await rig.streamIsStored(20);
  const token = (await readFile(join(rig.dataDir, 'runner-token'), 'utf8')).trim();
  const commands = processesOf(rig.dataDir).map(({ pid }) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
  );
  expect(
    commands.filter((command) => command.includes('--remote-debugging-pipe')).length,
  ).toBeGreaterThan(0);
  expect([runner.stdout(), ...commands].filter((text) => text.includes(token))).toEqual([]);

  const told = performance.now();
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - told).toBeLessThan(10_000);
  expect(linesOf(runner).map(({ state }) => state)).toContain('stopped');
  expect(rig.browsers()).toEqual([]);
});

test('a wrong token is logged in one line and tried again later', async ({ skip }) => {
  await needsBrowser(skip);
  await using runner = rig.startRunner({ VECTORSTREAM_RUNNER_TOKEN: 'wrong-token-of-a-test' });
  const line = await until('the refusal is logged', joinMsMax, () =>
    linesOf(runner).find(
      ({ msg }) => typeof msg === 'string' && msg.startsWith('refused by the gateway'),
    ),
  );
  expect(line['reason']).toMatch(/^The gateway does not accept this token: /);
  expect(runner.stdout()).not.toContain('wrong-token-of-a-test');
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toMatchObject({ code: 0 });
});

test('the runner waits for a gateway that does not answer', async ({ skip }) => {
  await needsBrowser(skip);
  const port = await freePort();
  await using runner = rig.startRunner({}, '--gateway', `http://127.0.0.1:${port}`);
  const line = await until('the wait is logged', joinMsMax, () =>
    linesOf(runner).find(({ msg }) => msg === 'no page from the gateway yet; trying again'),
  );
  expect(line['reason']).toBe(
    `http://127.0.0.1:${port}/runner cannot be opened: ` +
      'no gateway answers there (ERR_CONNECTION_REFUSED).',
  );
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toMatchObject({ code: 0 });
});

test('a gateway with a private certificate is joined only when that is configured', async ({
  skip,
}) => {
  await needsBrowser(skip);
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
  });
  const file = join(rig.dataDir, 'gateway.pem');
  await writeFile(file, cert);
  const status = JSON.stringify({ ...workingPage, name: 'over TLS' });
  const page = `<script>
    const status = ${status};
    window.vectorstream = {
      status,
      stop: async () => {
        window.vectorstream.status = { ...status, state: 'stopped' };
      },
    };
  </script>`;
  const server = createServer({ key, cert }, (_, response) =>
    response.setHeader('content-type', 'text/html').end(page),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `wss://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  {
    await using runner = rig.startRunner({}, '--gateway', url);
    const line = await until('the refusal is logged', joinMsMax, () =>
      linesOf(runner).find(({ msg }) => msg === 'no page from the gateway yet; trying again'),
    );
    expect(line['reason']).toMatch(
      /not trusted \(ERR_CERT_AUTHORITY_INVALID\); name it in VECTORSTREAM_TLS_CA\.$/,
    );
  }
  await using runner = rig.startRunner({ VECTORSTREAM_TLS_CA: file }, '--gateway', url);
  await until('the page works', joinMsMax, () =>
    linesOf(runner).some(({ state }) => state === 'working'),
  );
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toMatchObject({ code: 0 });
  server.closeAllConnections();
  server.close();
});

test.each([
  [
    'a missing browser',
    { PUPPETEER_EXECUTABLE_PATH: '/no/such/browser' },
    2,
    /^PUPPETEER_EXECUTABLE_PATH is "\/no\/such\/browser": there is no such file\. .*\n$/,
  ],
  [
    'a program that is not a browser',
    { PUPPETEER_EXECUTABLE_PATH: process.execPath },
    1,
    /^The runner gave up: the browser ended by exit code 9\.\n$/,
  ],
  [
    'a missing certificate',
    { PUPPETEER_EXECUTABLE_PATH: process.execPath, VECTORSTREAM_TLS_CA: '/no/such/file' },
    2,
    /^VECTORSTREAM_TLS_CA is "\/no\/such\/file": .*\n$/,
  ],
  [
    'a device that browsers do not have',
    { VECTORSTREAM_RUNNER_DEVICE: 'cuda' },
    2,
    /^VECTORSTREAM_RUNNER_DEVICE is "cuda": expected one of auto, webgpu, wasm\.\n$/,
  ],
])('%s ends it with one line and no stack', async (_, environment, code, line) => {
  const ending = await runProgram({
    script: 'browser-runner/main.ts',
    environment: { VECTORSTREAM_DATA_DIR: rig.dataDir, ...environment },
  });
  expect(ending).toMatchObject({ code, stderr: expect.stringMatching(line) });
});
