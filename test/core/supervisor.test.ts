// The supervisor replaces failed workers; here with scripted workers and a manual clock.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { Candidate } from '#core/runner/device-candidates.ts';
import { supervise, type Worker, type WorkerEnding } from '#core/runner/supervisor.ts';

const webgpu: Candidate = { device: 'webgpu', dtype: 'fp16' };
const cpu: Candidate = { device: 'cpu', dtype: 'q8' };
const crashed: WorkerEnding = {
  done: false,
  renew: false,
  ready: true,
  message: 'the process ended with SIGSEGV',
  retryable: true,
};

type Started = {
  readonly candidate: Candidate;
  readonly slot: number;
  readonly drained: Promise<void>;
  readonly killed: Promise<void>;
  end(ending: WorkerEnding): void;
};

/** Workers that the test ends; `next` waits for the next one to start. */
function scripted(candidates: readonly Candidate[], processes: number) {
  const started: Started[] = [];
  let arrived = Promise.withResolvers<void>();
  const clock = new ManualClock();
  const stopping = new AbortController();
  const supervised = supervise({
    candidates,
    clock,
    log: pino({ level: 'silent' }),
    signal: stopping.signal,
    drainMsMax: 4000,
    layoutFor: () => ({ processes, threads: 1 }),
    start(candidate, _, slot): Worker {
      const ended = Promise.withResolvers<WorkerEnding>();
      const drained = Promise.withResolvers<void>(),
        killed = Promise.withResolvers<void>();
      started.push({
        candidate,
        slot,
        drained: drained.promise,
        killed: killed.promise,
        end: ended.resolve,
      });
      arrived.resolve();
      return {
        ended: ended.promise,
        drain: drained.resolve,
        kill: () => {
          killed.resolve();
          ended.resolve(crashed);
        },
      };
    },
  });
  const next = async (): Promise<Started> => {
    for (;;) {
      const worker = started.shift();
      if (worker !== undefined) return worker;
      arrived = Promise.withResolvers();
      await arrived.promise;
    }
  };
  /** Moves the clock only once something sleeps on it: the delay of the restart has begun. */
  const afterDelay = async (ms: number): Promise<Started> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    await clock.advance(ms);
    return next();
  };
  return { clock, next, afterDelay, supervised, stop: () => stopping.abort() };
}

test('a crashed worker is replaced at once, then after a backoff', async () => {
  const run = scripted([cpu], 2);
  await run.next();
  const second = await run.next();
  second.end(crashed);
  (await run.afterDelay(0)).end(crashed);
  const replacement = await run.afterDelay(250);
  expect(replacement).toMatchObject({ candidate: cpu, slot: 1 });
  run.stop();
  await replacement.drained;
});

test('a stop drains the workers, and kills them after a deadline', async () => {
  const run = scripted([cpu], 2);
  const first = await run.next(),
    second = await run.next();
  run.stop();
  await Promise.all([first.drained, second.drained]);
  first.end({ ...crashed, done: true });
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  await run.clock.advance(4000);
  await second.killed;
  await expect(run.supervised).resolves.toBeUndefined();
});

test('the CPU replaces a GPU that keeps failing', async () => {
  const run = scripted([webgpu, cpu], 1);
  (await run.next()).end(crashed);
  (await run.afterDelay(0)).end(crashed);
  (await run.afterDelay(250)).end(crashed);
  const fallback = await run.next();
  expect(fallback.candidate).toEqual(cpu);
  run.stop();
  fallback.end(crashed);
  await run.supervised;
});

test('wrong vectors of the last candidate end the runner and all its workers', async () => {
  const run = scripted([cpu], 2);
  const first = await run.next(),
    second = await run.next();
  first.end({
    done: false,
    renew: false,
    ready: false,
    message: 'q8 on cpu: vectors are wrong',
    retryable: false,
  });
  await second.drained;
  second.end(crashed);
  await expect(run.supervised).rejects.toThrow('The runner gave up: q8 on cpu: vectors are wrong');
});

test('a runner that its gateway drained is not replaced', async () => {
  const run = scripted([cpu], 1);
  (await run.next()).end({ ...crashed, done: true });
  await expect(run.supervised).resolves.toBeUndefined();
});

test('a worker that is renewed is replaced at once, without a failure', async () => {
  const run = scripted([cpu], 1);
  for (let renewals = 0; renewals < 5; renewals++)
    (await run.next()).end({ ...crashed, renew: true, message: 'it held too much memory' });
  (await run.next()).end(crashed);
  const replacement = await run.afterDelay(0);
  expect(replacement).toMatchObject({ candidate: cpu, slot: 0 });
  run.stop();
  replacement.end(crashed);
  await run.supervised;
});
