// The first start of the real `node-runner/main.ts` measures every candidate; the next does not.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sampleTexts } from '#core/transformers/sample-texts.ts';
import { runnerStarter, runnerToken } from './runner-starter.ts';
import { startScriptedGateway } from './scripted-gateway.ts';

test('the first start measures, the next reads its choice, and both leave cleanly', async () => {
  await using runners = await runnerStarter();
  await using gateway = await startScriptedGateway(runnerToken);
  const runner = runners.start(gateway.url, '--runners', '2');
  const joined = [await gateway.joined(), await gateway.joined()];
  expect(joined.map(({ hello }) => hello.name).toSorted()).toEqual(['tested-1', 'tested-2']);
  expect(joined[0]?.hello).toMatchObject({
    kind: 'node',
    device: 'cpu',
    softwareAdapter: false,
    dimensions: 384,
  });
  const choice = JSON.parse(await readFile(join(runners.dataDir, 'runner-choice.json'), 'utf8'));
  expect(choice.candidates[0]).toEqual({ device: 'cpu', dtype: joined[0]?.hello.dtype });

  const working = joined.map((one) => one.embed(sampleTexts(16)));
  runner.child.kill('SIGTERM');
  for (const result of await Promise.all(working)) {
    expect(result.vectorProblem).toBeNull();
    expect(result.outcomes.filter(({ ok }) => ok)).toHaveLength(16);
  }
  expect(await Promise.all(joined.map(({ closed }) => closed))).toEqual([1000, 1000]);
  expect(await runner.exited).toBe(0);
  expect(runner.output()).not.toContain(runnerToken);

  const again = runners.start(gateway.url, '--runners', '1');
  await gateway.joined();
  again.child.kill('SIGTERM');
  expect(await again.exited).toBe(0);
  expect([runner, again].map(({ output }) => output().includes('candidate is correct'))).toEqual([
    true,
    false,
  ]);
});
