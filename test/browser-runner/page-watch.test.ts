// The watch over a page, with a scripted page and a manual clock.

import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import type { ExpectedGpu } from '../../browser-runner/page-health.ts';
import { watchPage } from '../../browser-runner/page-watch.ts';
import { workingPage as working } from './working-page.ts';

const mebibyte = 2 ** 20;

/** `answer` returns what the page answers at the next look. */
function watched(options: { memoryBytes?: () => number; gpu?: ExpectedGpu } = {}) {
  const clock = new ManualClock();
  const drain = new AbortController();
  const gone = Promise.withResolvers<string>(),
    left = Promise.withResolvers<void>();
  const page = {
    answer: (): RunnerPageStatus | null | 'silent' => working,
    asked: 0,
    toldToLeave: 0,
  };
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    {},
    new Writable({
      write(chunk: Buffer, _, done) {
        lines.push(JSON.parse(chunk.toString()));
        done();
      },
    }),
  );
  const ended = watchPage({
    clock,
    log,
    drain: drain.signal,
    memoryBytesMax: 1000 * mebibyte,
    gpu: options.gpu ?? null,
    onStatus: () => undefined,
    page: {
      gone: gone.promise,
      status: async () => {
        page.asked += 1;
        const answer = page.answer();
        if (answer === 'silent') throw new Error('no answer');
        return answer;
      },
      leave: () => {
        page.toldToLeave += 1;
        return left.promise;
      },
      memoryBytes: async () => options.memoryBytes?.() ?? 100 * mebibyte,
    },
  });
  const looks = async (count: number): Promise<void> => {
    for (let look = 0; look < count; look++) {
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      await clock.advance(1000);
    }
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { page, lines, ended, looks, drain, left: left.resolve, gone: gone.resolve };
}

test('a page is lost after a minute of silence, not while it answers now and then', async () => {
  const run = watched();
  await run.looks(2);
  run.page.answer = () => 'silent';
  await run.looks(8);
  run.page.answer = () => working;
  await run.looks(1);
  run.page.answer = () => 'silent';
  await run.looks(9);
  const asked = run.page.asked;
  await run.looks(1);
  expect(await run.ended).toEqual({
    kind: 'lost',
    message: 'the page showed no sign of life for 60 s',
    ready: true,
  });
  expect(asked).toBeLessThanOrEqual(run.page.asked);
});

test('a page whose script never runs is lost after a minute', async () => {
  const run = watched();
  run.page.answer = () => null;
  await run.looks(60);
  expect(await run.ended).toEqual({
    kind: 'lost',
    message: 'the page showed no sign of life for 60 s',
    ready: false,
  });
});

test('a crash ends the watch at once', async () => {
  const run = watched();
  await run.looks(1);
  run.page.answer = () => 'silent';
  run.gone('the page crashed');
  expect(await run.ended).toEqual({ kind: 'lost', message: 'the page crashed', ready: true });
});

test('a drained page takes the time it needs, and its last line is logged', async () => {
  const run = watched();
  await run.looks(1);
  run.drain.abort();
  await run.looks(3);
  expect(run.page.toldToLeave).toBe(1);
  run.page.answer = () => ({
    ...working,
    state: 'stopped',
    history: [{ at: 1, text: 'Left the fleet.' }],
  });
  run.left();
  expect(await run.ended).toMatchObject({ kind: 'drained' });
  expect(run.lines.map(({ text }) => text)).toContain('Left the fleet.');
});

test('a page drained by its gateway has left', async () => {
  const run = watched();
  run.page.answer = () => ({ ...working, state: 'stopped' });
  expect(await run.ended).toMatchObject({ kind: 'drained' });
  expect(run.page.toldToLeave).toBe(0);
});

test('a page above its memory limit leaves in order before it is replaced', async () => {
  let memoryBytes = 1200 * mebibyte;
  const run = watched({ memoryBytes: () => memoryBytes });
  run.page.answer = () => ({ ...working, state: 'loading' });
  await run.looks(60);
  run.page.answer = () => working;
  memoryBytes = 900 * mebibyte;
  await run.looks(60);
  expect(run.page.toldToLeave).toBe(0);
  memoryBytes = 1100 * mebibyte;
  await run.looks(16);
  expect(run.page.toldToLeave).toBe(1);
  run.left();
  expect(await run.ended).toEqual({
    kind: 'renew',
    message: 'the browser held 1100 MiB',
    ready: true,
  });
});

test('a failed page says why', async () => {
  const run = watched();
  run.page.answer = () => ({
    ...working,
    state: 'failed',
    lastError: 'The gateway works with another model.',
  });
  expect(await run.ended).toEqual({
    kind: 'failed',
    message: 'The gateway works with another model.',
    ready: false,
  });
});

test('a page that was refused may be accepted later', async () => {
  const run = watched();
  run.page.answer = () => ({
    ...working,
    state: 'failed',
    modelId: null,
    lastError: 'The gateway does not accept this token.',
  });
  expect(await run.ended).toEqual({
    kind: 'refused',
    message: 'The gateway does not accept this token.',
    ready: false,
  });
});

test('when a real GPU is required, an emulated one ends the page', async () => {
  const run = watched({ gpu: { needed: true, hint: 'install the driver' } });
  run.page.answer = () => ({
    ...working,
    state: 'loading',
    adapter: 'google swiftshader',
    softwareAdapter: true,
  });
  expect(await run.ended).toEqual({
    kind: 'failed',
    message: 'The browser has no GPU, only google swiftshader',
    ready: false,
  });
});

test('when no GPU is reached, WebAssembly goes on and the log says what to install', async () => {
  const run = watched({ gpu: { needed: false, hint: 'install the driver' } });
  await run.looks(3);
  run.gone('over');
  run.page.answer = () => 'silent';
  expect(await run.ended).toMatchObject({ ready: true });
  expect(run.lines.filter(({ hint }) => hint === 'install the driver')).toHaveLength(1);
});

test('a GPU that never answers ends the page, a gateway that is away does not', async () => {
  const run = watched({ gpu: { needed: false, hint: '' } });
  run.page.answer = () => ({
    ...working,
    state: 'starting',
    lastError: 'The gateway cannot be reached; trying again in 8 s.',
  });
  await run.looks(100);
  run.page.answer = () => ({ ...working, state: 'starting' });
  await run.looks(31);
  expect(await run.ended).toEqual({
    kind: 'failed',
    message: "The browser's GPU does not answer",
    ready: false,
  });
});

test('each line of the history is logged once, problems as warnings', async () => {
  const run = watched();
  const history = [
    { at: 1, text: 'Loading.' },
    { at: 2, text: 'The GPU was lost.' },
  ];
  run.page.answer = () => ({ ...working, history, lastError: 'The GPU was lost.' });
  await run.looks(3);
  history.push({ at: 3, text: 'Started anew.' });
  await run.looks(2);
  run.gone('over');
  run.page.answer = () => 'silent';
  await run.ended;
  expect(
    run.lines.flatMap(({ text, reason, level }) =>
      text || reason ? [[level, text ?? reason]] : [],
    ),
  ).toEqual([
    [30, 'Loading.'],
    [40, 'The GPU was lost.'],
    [30, 'Started anew.'],
  ]);
});
