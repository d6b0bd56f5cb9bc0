// How long `npm start` takes until a checked runner is there: the very first time, which measures
// the machine, and later ones.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import { createGatewayClient } from '../cli/gateway-client.ts';
import { root } from './bench-gateway.ts';
import { lessThan, row, type Benchmark } from './benchmark.ts';
import { median } from './figures.ts';

const repetitions = 3;
const readyMsMax = 120_000;
const readyPollMs = 10;

export const start: Benchmark = {
  name: 'start',
  about:
    'Seconds from `npm start` to the first 200 of /readyz: npm, the set-up check and a checked runner included.',
  async run(context) {
    const seconds: { first: number; later: number }[] = [];
    for (let turn = 1; turn <= (context.isQuick ? 1 : repetitions); turn += 1) {
      context.say(`start ${turn} of ${repetitions}, on an empty folder and on the same again`);
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
  const given = Object.entries(process.env).filter(
    ([name]) => !/^(VECTORSTREAM|KAFKA|QDRANT|LOG)_|^npm_/.test(name),
  );
  const env = {
    ...Object.fromEntries(given),
    VECTORSTREAM_DATA_DIR: join(folder, 'data'),
    VECTORSTREAM_PORT: String(port),
    LOG_LEVEL: 'warn',
  };
  const startedAt = performance.now();
  // A process group of its own: npm, its shells and the gateway are ended together.
  const child = spawn('npm', ['start'], {
    cwd: root,
    env,
    stdio: 'ignore',
    detached: true,
    shell: process.platform === 'win32',
  });
  const exited = once(child, 'exit');
  try {
    const client = createGatewayClient({
      url: `http://127.0.0.1:${port}`,
      apiKey: null,
      clock: systemClock,
      patienceMs: readyMsMax,
      onWait: () => undefined,
    });
    for (
      let reason = await client.unreadiness(signal);
      reason !== null;
      reason = await client.unreadiness(signal)
    ) {
      if (performance.now() - startedAt > readyMsMax || child.exitCode !== null)
        throw new Error(`npm start did not get ready: ${reason}`);
      await systemClock.sleep(readyPollMs, signal);
    }
    return (performance.now() - startedAt) / 1000;
  } finally {
    if (child.pid !== undefined && child.exitCode === null)
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGTERM');
    await exited;
  }
}

/** One that nothing listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
