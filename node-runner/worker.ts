// One runner: one process, one model session, one connection to each gateway. Any failure ends the
// process.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { Channel, Embedder } from '#core/ports.ts';
import { keepConnected } from '#core/protocol/runner-reconnect.ts';
import { ConnectError } from '#core/protocol/websocket-channel.ts';
import { systemClock } from '#core/time/clock.ts';
import { FairQueue } from '#core/time/fair-queue.ts';
import { connectTo, systemLookup, type GatewayEndpoint } from './gateway-addresses.ts';
import { createLog } from './node-runner-log.ts';
import { yieldToOthers } from './priority.ts';
import {
  aliveEveryMs,
  drainMessage,
  workerRequestSchema,
  type FromWorker,
} from './process-messages.ts';
import { openSession } from './proved-session.ts';
import { serveGateways } from './serve-gateways.ts';
import { sessionSchema } from './session-request.ts';

const request = workerRequestSchema.parse(JSON.parse(process.argv[2] ?? ''));
const log = createLog({
  level: request.logLevel,
  format: request.logFormat,
  fields: { runner: request.name },
});
const drain = new AbortController();
const stop = (): void => drain.abort();

// Ctrl-C and the end of a terminal reach the whole process group. The supervisor then drains its
// workers.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('SIGTERM', stop);
process.on('message', (message) => {
  if (message === drainMessage) stop();
});
// The supervisor has ended, so nothing else would stop this process.
process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

yieldToOthers();
try {
  const { model, device, dtype, threads, measureMs } = request;
  const session = await openSession(
    sessionSchema.parse({ model, device, dtype, threads, measureMs }),
  );
  const { adapter, softwareAdapter, textsPerSecond } = session.embedder.info;
  log.info(
    {
      device,
      dtype,
      threads,
      adapter,
      software_adapter: softwareAdapter,
      texts_per_second: Math.round(textsPerSecond),
      golden: session.golden,
    },
    'model is ready',
  );
  if (softwareAdapter)
    log.warn(
      { adapter },
      'this is a software GPU adapter: correct, but much slower than ' +
        'VECTORSTREAM_RUNNER_DEVICE=cpu',
    );
  send({ type: 'ready' });
  setInterval(() => send({ type: 'alive' }), aliveEveryMs).unref();
  await serve(session.embedder);
  send({ type: 'done' }, 0);
} catch (error) {
  const known = error instanceof VectorStreamError;
  // A known error explains itself; any other is a bug, whose stack is needed.
  if (!known) log.error({ err: error }, 'the runner failed');
  send(
    {
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
      retryable: !known || error.retryable,
    },
    1,
  );
}

/**
 * Resolves once drained.
 *
 * @throws when the session failed or every gateway refused this runner
 */
function serve(embedder: Embedder): Promise<void> {
  const turns = new FairQueue(systemClock);
  return serveGateways({
    urls: request.gatewayUrls,
    lookup: systemLookup,
    clock: systemClock,
    drain: drain.signal,
    log,
    serve: (endpoint, dial) =>
      keepConnected({
        connect: (signal) => {
          dial();
          return connect(endpoint, signal);
        },
        embedder,
        turn: turns.join(),
        clock: systemClock,
        random: Math.random,
        name: request.name,
        kind: 'node',
        drain: drain.signal,
        log: log.child({
          gateway: endpoint.url,
          ...(endpoint.address !== null && { address: endpoint.address }),
        }),
      }),
  });
}

/** Reads the token for every attempt, because a gateway that starts later writes it later. */
async function connect(endpoint: GatewayEndpoint, signal: AbortSignal): Promise<Channel> {
  const file = join(request.dataDir, 'runner-token');
  const token =
    process.env['VECTORSTREAM_RUNNER_TOKEN'] ||
    (await readFile(file, 'utf8').catch(() => '')).trim();
  if (token === '')
    throw new ConnectError(
      'There is no runner token: set VECTORSTREAM_RUNNER_TOKEN, ' +
        `or start a gateway on this machine, which writes ${file}.`,
    );
  return connectTo(endpoint, { token, signal });
}

function send(message: FromWorker, exitCode?: number): void {
  const exit = (): void => {
    if (exitCode !== undefined) process.exit(exitCode);
  };
  if (process.connected && process.send !== undefined) process.send(message, exit);
  else exit();
}
