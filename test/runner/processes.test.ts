// The real `node-runner/main.ts` with its worker processes, joined to a gateway that the test
// plays.

import { execFile, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { modelCopy } from './model-copies.ts';
import { runnerStarter, runnerToken, type RunnerStarter } from './runner-starter.ts';
import { startScriptedGateway, type JoinedRunner } from './scripted-gateway.ts';

// Several processes load the model, which is slow on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

let runners: RunnerStarter;
beforeAll(async () => {
  runners = await runnerStarter();
});
afterAll(() => runners[Symbol.asyncDispose]());

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

test('a worker that is killed is replaced', async () => {
  await using gateway = await startScriptedGateway(runnerToken);
  const runner = runners.start(gateway.url, '--runners', '1', '--device', 'cpu', '--dtype', 'int8');
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
  ['the gateway that started it ends', (child: ChildProcess) => child.disconnect()],
])('no worker is left when %s', async (_, end) => {
  await using gateway = await startScriptedGateway(runnerToken);
  const runner = runners.start(gateway.url, '--runners', '2', '--device', 'cpu', '--dtype', 'int8');
  const joined: JoinedRunner[] = [await gateway.joined(), await gateway.joined()];
  end(runner.child);
  await runner.exited;
  expect(await Promise.all(joined.map(({ closed }) => closed))).toEqual([1006, 1006]);
});

test.each([
  [
    'a missing model folder',
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

test('a damaged graph of a forced dtype is reported with both hashes and the remedy', async () => {
  await using copy = await modelCopy({ 'onnx/model_quantized.onnx': 'damaged' });
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
    runners.dataDir,
  ]);
  await expect(running).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^The runner gave up: Model file onnx\/model_quantized.onnx is not the one .*expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64} .*git checkout.*\n$/,
    ),
  });
});
