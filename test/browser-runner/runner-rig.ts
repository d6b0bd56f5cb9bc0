// Starts browser runners as real processes, and a gateway that has no other runner.

import { join } from 'node:path';
import { expect } from 'vitest';
import { browserExecutable, buildPages } from '../helpers/browser.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { processesOf, type ListedProcess } from '../helpers/process-list.ts';
import { startProgram, type Program } from '../helpers/program.ts';
import { shopEvents } from '../helpers/shop-events.ts';
import { modelWithFewGoldenTexts } from '../helpers/small-golden.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

/** A browser starts and loads a model, which is slow on a busy machine. */
export const joinMsMax = 180_000;

export type RunnerRig = AsyncDisposable & {
  readonly dataDir: string;
  readonly gateway: RunningGateway;
  /**
   * One candidate, so that nothing is measured. The token comes from the data folder unless one is
   * given.
   */
  startRunner(environment?: Readonly<Record<string, string>>, ...flags: string[]): Program;
  /** The id of a ready runner that is not in `before`. */
  joined(runner: Program, before?: readonly string[]): Promise<string>;
  /** Sends new texts, so that a runner has to embed them, and waits until all are stored. */
  streamIsStored(events: number): Promise<void>;
  /** All processes of browsers. */
  browsers(): readonly ListedProcess[];
};

export const linesOf = (runner: Program): readonly Record<string, unknown>[] =>
  runner
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

export async function startRig(
  environment: Readonly<Record<string, string>> = {},
): Promise<RunnerRig> {
  buildPages();
  const executablePath = (await browserExecutable()) ?? '';
  const open = new AsyncDisposableStack();
  const { path: dataDir } = open.use(await temporaryFolder());
  const gateway = open.use(
    await startGateway(dataDir, {
      VECTORSTREAM_RUNNERS: '0',
      // A tab checks each golden text twice before it joins.
      VECTORSTREAM_MODEL: await modelWithFewGoldenTexts(join(dataDir, 'model')),
      ...environment,
    }),
  );
  let sent = 0;
  return {
    dataDir,
    gateway,
    startRunner: (more = {}, ...flags) =>
      startProgram({
        script: 'browser-runner/main.ts',
        flags: ['--gateway', gateway.url, '--name', 'tested', ...flags],
        environment: {
          VECTORSTREAM_DATA_DIR: dataDir,
          VECTORSTREAM_RUNNER_DEVICE: 'wasm',
          VECTORSTREAM_RUNNER_DTYPE: 'int8',
          VECTORSTREAM_RUNNER_THREADS: '2',
          PUPPETEER_EXECUTABLE_PATH: executablePath,
          VECTORSTREAM_BROWSER_SANDBOX: 'off',
          ...more,
        },
      }),
    joined(runner, before = []) {
      const ended = runner.ended.then(({ code }): never => {
        throw new Error(`The runner ended by ${code}: ${runner.stderr()}${runner.stdout()}`);
      });
      ended.catch(() => undefined);
      const seen = until(
        'the page has joined',
        joinMsMax,
        async () =>
          (await gateway.stats()).runners.find(
            ({ id, state }) => state === 'ready' && !before.includes(id),
          )?.id,
      );
      return Promise.race([
        ended,
        seen.catch((error: unknown): never => {
          throw new Error(`${String(error)} ${runner.stdout()}`);
        }),
      ]);
    },
    async streamIsStored(events) {
      const before = (await gateway.stats()).store.events;
      const answer = await gateway.post(
        '/events',
        JSON.stringify(shopEvents(events, events, sent)),
      );
      expect(answer.status).toBe(202);
      sent += events;
      const { store, dead_letters: dead } = await gateway.idle(joinMsMax);
      expect({ events: store.events - before, dead: dead.open }).toEqual({ events, dead: 0 });
    },
    browsers: () =>
      processesOf(dataDir).filter(({ role }) => role !== 'gateway' && role !== 'browser-runner'),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
