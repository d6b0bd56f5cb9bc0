// The real thing: `node-runner/main.ts` as a process with its workers, joined to a gateway that the
// test plays.

import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sampleTexts } from '#core/transformers/sample-texts.ts';
import { modelCopy } from './model-copies.ts';
import { startScriptedGateway, type JoinedRunner } from './scripted-gateway.ts';

// Several processes load the model; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 90_000 });

const token = 'a-token-of-the-test';
let dataDir: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'vectorstream-runner-'));
  await writeFile(join(dataDir, 'runner-token'), `${token}\n`);
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

/** With a channel, as a gateway starts it. The token comes from the data folder. */
function startRunner(
  url: string,
  ...flags: string[]
): { child: ChildProcess; output: () => string; exited: Promise<unknown> } {
  const child = fork(
    'node-runner/main.ts',
    ['--gateway', url, '--data-dir', dataDir, '--name', 'tested', ...flags],
    {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, LOG_FORMAT: 'json', VECTORSTREAM_RUNNER_TOKEN: '' },
    },
  );
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  // Workers write to the same standard output: it ends when all of them are gone.
  const silent = Promise.all(
    [child.stdout, child.stderr].flatMap((stream) =>
      stream === null ? [] : [once(stream, 'end')],
    ),
  );
  const exited = Promise.all([once(child, 'exit'), silent]).then(
    ([[code]]: [unknown[], unknown]) => code,
  );
  return { child, output: () => output, exited };
}

const pidOf = (output: string, name: string): number => {
  const line =
    output
      .split('\n')
      .filter((text) => text.includes(`"runner":"${name}"`))
      .at(-1) ?? '{}';
  const parsed: unknown = JSON.parse(line);
  return typeof parsed === 'object' && parsed !== null && 'pid' in parsed
    ? Number(parsed.pid)
    : NaN;
};

test('the first start measures and the next remembers; both workers join, answer, and leave cleanly on SIGTERM', async () => {
  await using gateway = await startScriptedGateway(token);
  const runner = startRunner(gateway.url, '--runners', '2');
  const joined = [await gateway.joined(), await gateway.joined()];
  expect(joined.map(({ hello }) => hello.name).toSorted()).toEqual(['tested-1', 'tested-2']);
  expect(joined[0]?.hello).toMatchObject({
    kind: 'node',
    device: 'cpu',
    softwareAdapter: false,
    dimensions: 384,
  });
  const choice = JSON.parse(await readFile(join(dataDir, 'runner-choice.json'), 'utf8'));
  expect(choice.candidates[0]).toEqual({ device: 'cpu', dtype: joined[0]?.hello.dtype });

  const working = joined.map((one) => one.embed(sampleTexts(64)));
  runner.child.kill('SIGTERM');
  for (const result of await Promise.all(working)) {
    expect(result.vectorProblem).toBeNull();
    expect(result.outcomes.filter(({ ok }) => ok)).toHaveLength(64);
  }
  expect(await Promise.all(joined.map(({ closed }) => closed))).toEqual([1000, 1000]);
  expect(await runner.exited).toBe(0);
  expect(runner.output()).not.toContain(token);

  const again = startRunner(gateway.url, '--runners', '1');
  await gateway.joined();
  again.child.kill('SIGTERM');
  expect(await again.exited).toBe(0);
  expect([runner, again].map(({ output }) => output().includes('candidate is right'))).toEqual([
    true,
    false,
  ]);
});

test('a worker that is killed is replaced', async () => {
  await using gateway = await startScriptedGateway(token);
  const runner = startRunner(gateway.url, '--runners', '1', '--device', 'cpu', '--dtype', 'int8');
  const first = await gateway.joined();
  process.kill(pidOf(runner.output(), 'tested-1'), 'SIGKILL');
  expect(await first.closed).toBe(1006);
  const second = await gateway.joined();
  expect((await second.embed(['a mug'])).outcomes).toMatchObject([{ ok: true }]);
  runner.child.kill('SIGINT');
  expect(await runner.exited).toBe(0);
});

test.each([
  ['the supervisor is killed', (child: ChildProcess) => child.kill('SIGKILL')],
  ['the gateway that started it is gone', (child: ChildProcess) => child.disconnect()],
])('no worker outlives it when %s', async (_, end) => {
  await using gateway = await startScriptedGateway(token);
  const runner = startRunner(gateway.url, '--runners', '2');
  const joined: JoinedRunner[] = [await gateway.joined(), await gateway.joined()];
  end(runner.child);
  await runner.exited;
  expect(await Promise.all(joined.map(({ closed }) => closed))).toEqual([1006, 1006]);
});

test.each([
  [
    'a model folder that is not there',
    ['--model', '/no/such/model'],
    2,
    /^VECTORSTREAM_MODEL is "\/no\/such\/model": there is no such folder\..*\n$/,
  ],
  [
    'an unknown dtype',
    ['--dtype', 'q4'],
    2,
    /^VECTORSTREAM_RUNNER_DTYPE is "q4": .* has fp16, fp32, q8, int8; auto chooses\.\n$/,
  ],
] as const)('%s ends with one line and no stack', async (_, flags, code, line) => {
  await expect(
    promisify(execFile)(process.execPath, ['node-runner/main.ts', ...flags]),
  ).rejects.toMatchObject({ code, stderr: expect.stringMatching(line) });
});

test('a damaged graph of a forced dtype ends with the file, both hashes and the remedy', async () => {
  await using copy = await modelCopy({ 'onnx/model_int8.onnx': 'damaged' });
  const running = promisify(execFile)(process.execPath, [
    'node-runner/main.ts',
    '--model',
    copy.folder,
    '--device',
    'cpu',
    '--dtype',
    'int8',
    '--runners',
    '1',
    '--data-dir',
    dataDir,
  ]);
  await expect(running).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^The runner gave up: Model file onnx\/model_int8.onnx is not the one .*expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64} .*git checkout.*\n$/,
    ),
  });
});
