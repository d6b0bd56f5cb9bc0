// Measures how long `npm start` takes until a checked runner is ready: the first time, when it also
// measures the machine, and later.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import { untilReady } from '../cli/gateway/gateway-readiness.ts';
import { createClient } from '../client/client.ts';
import { root } from './bench-gateway.ts';
import { lessThan, row, type Benchmark } from './benchmark.ts';
import { median } from './figures.ts';

const repetitions = 3;
const readyMsMax = 120_000;
const readyPollMs = 10;

export const start: Benchmark = {
  name: 'start',
  about:
    'Seconds from `npm start` to the first 200 of /readyz, including npm, the set-up check and a ' +
    'checked runner.',
  async run(context) {
    const seconds: { first: number; later: number }[] = [];
    for (let turn = 1; turn <= (context.isQuick ? 1 : repetitions); turn += 1) {
      context.say(`start ${turn} of ${repetitions}, in an empty folder and in the same one again`);
      const folder = join(context.folder, String(turn));
      mkdirSync(folder, { recursive: true });
      const first = await startOnce(folder, context.signal);
      seconds.push({ first, later: await startOnce(folder, context.signal) });
    }
    return [
      row(
        'npm start to ready, first start (measures dtypes)',
        median(seconds.map(({ first }) => first)),
        's',
        lessThan(5),
      ),
      row(
        'npm start to ready, later starts',
        median(seconds.map(({ later }) => later)),
        's',
        lessThan(5),
      ),
    ];
  },
};

async function startOnce(folder: string, signal: AbortSignal): Promise<number> {
  const port = await freePort();
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VECTORSTREAM|KAFKA|QDRANT|LOG)_|^npm_/.test(name),
  );
  const env = {
    ...Object.fromEntries(inherited),
    VECTORSTREAM_DATA_DIR: join(folder, 'data'),
    VECTORSTREAM_PORT: String(port),
    LOG_LEVEL: 'warn',
  };
  const startedAt = performance.now();
  // In its own process group, so that npm, its shells and the gateway end together.
  const child = spawn('npm', ['start'], {
    cwd: root,
    env,
    stdio: 'ignore',
    detached: true,
    shell: process.platform === 'win32',
  });
  const exited = once(child, 'exit');
  try {
    await untilReady({
      client: createClient({ url: `http://127.0.0.1:${port}` }),
      clock: systemClock,
      signal,
      pollMs: readyPollMs,
      timeoutMs: readyMsMax,
      hint: '',
      onWait(reason) {
        if (child.exitCode !== null) throw new Error(`npm start ended: ${reason}.`);
      },
    });
    return (performance.now() - startedAt) / 1000;
  } finally {
    if (child.pid !== undefined && child.exitCode === null)
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGTERM');
    await exited;
  }
}

/** A port on which nothing listens at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
