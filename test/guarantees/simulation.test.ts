// Simulated histories of the whole program on one clock: gateways crash, runners fail in every way,
// and the store is slow. No turn breaks a promise. In the end every event is stored once or is a
// dead letter, and every vector is correct.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { search } from './simulation/search.ts';

/**
 * `VECTORSTREAM_TEST_HISTORIES=5000 VECTORSTREAM_TEST_SEED=7` runs more, or other, histories; `npm
 * run simulate` uses all processors.
 */
const count = Number(process.env['VECTORSTREAM_TEST_HISTORIES'] ?? 150);
const seed = Number(process.env['VECTORSTREAM_TEST_SEED'] ?? 1);
const history = process.env['VECTORSTREAM_TEST_HISTORY'];

/** Each must have happened in some history, or the test proves nothing. */
const sometimes = [
  'a record was delivered again',
  'the topic was recreated',
  'a job was reassigned',
  'a late answer was ignored',
  'a call was retried: store',
  'a call was retried: dead_letters',
  'the circuit of store was open',
  'the circuit of store was closed',
  'a text was found: store',
  'a text was found: shared',
  'an event was superseded',
  'a runner was quarantined',
  'a cross-check differed',
  "a wrong runner's work was withheld",
  'a text was embedded again',
  'the work of a killed gateway was adopted',
  'an event was dead-lettered: not_json',
  'an event was dead-lettered: invalid_event',
  'an event was dead-lettered: embedding_failed',
];

test('no history breaks a promise', { timeout: 600_000 }, async () => {
  const startedAt = performance.now();
  const { failure, seen } = await search({
    seed,
    count,
    only: history === undefined ? null : Number(history),
  });
  expect(failure, failure ?? '').toBeNull();
  expect(
    count < 150 || history !== undefined ? [] : sometimes.filter((what) => !seen.has(what)),
  ).toEqual([]);
  process.stdout.write(
    `${count} histories from seed ${seed} ` +
      `in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`,
  );
});

test('a seed repeats the same histories turn by turn, also in another process', async () => {
  const { trace } = await search({ seed: 5, count: 10, only: null });
  expect((await search({ seed: 5, count: 10, only: null })).trace).toBe(trace);
  expect((await search({ seed: 6, count: 10, only: null })).trace).not.toBe(trace);
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'simulation', 'main.ts'),
    '--histories',
    '10',
    '--threads',
    '1',
    '--seed',
    '5',
  ]);
  expect(stdout).toContain(`trace ${trace}\n`);
});

test('a failing history is shrunk and printed with the command that repeats it', async () => {
  const { failure } = await search({ seed: 3, count: 100, only: null }, async ({ steps }) => {
    const joined = steps.findIndex((step) => step.do === 'join' && step.behaviour === 'late');
    return {
      violations:
        joined !== -1 && steps.slice(joined).some((step) => step.do === 'crash')
          ? ['an event is lost']
          : [],
      trace: 0,
    };
  });
  const number = /^History (\d+) of seed 3 breaks a promise/.exec(failure ?? '')?.[1];
  expect(failure?.split('\n').slice(2)).toEqual([
    '  join late',
    '  crash',
    '  then nothing fails any more',
    'Violations:',
    '  an event is lost',
    `Repeat it with:  VECTORSTREAM_TEST_SEED=3 VECTORSTREAM_TEST_HISTORY=${number} ` +
      'npm run test:guarantees -- simulation.test',
  ]);
});
