// A real gateway process with a model without weights, and a runner for it in this process: texts
// are searchable at once, without computation.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { connectWebSocket } from '#core/protocol/websocket-channel.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import { embedderOf, writeFakeModel } from './fake-model-folder.ts';
import { startGateway, type RunningGateway } from './gateway-program.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/**
 * Resolves when events can be accepted, embedded and found. The runner reconnects whenever its
 * connection ends.
 */
export async function startGatewayWithFakeFleet(
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningGateway> {
  const model = join(dataDir, 'fake-model');
  const revision = await writeFakeModel(model);
  const gateway = await startGateway(dataDir, {
    VECTORSTREAM_MODEL: model,
    VECTORSTREAM_RUNNERS: '0',
    ...environment,
  });
  const token = (await readFile(join(dataDir, 'runner-token'), 'utf8')).trim();
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const channel = await connectWebSocket({
        url: gateway.url.replace('http', 'ws'),
        token,
        signal: stop.signal,
      });
      await runRunnerLoop({
        channel,
        embedder: embedderOf(revision),
        turn: always,
        clock: systemClock,
        name: 'fake',
        kind: 'node',
        drain: stop.signal,
        log: silent,
      });
    }
  };
  const running = run();
  await Promise.race([gateway.ready(), running]);
  // From here on the runner may end with its gateway.
  const ended = running.catch(() => undefined);
  return {
    ...gateway,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      await gateway[Symbol.asyncDispose]();
    },
  };
}
