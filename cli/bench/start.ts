// How long a start takes: the very first one, which measures the machine, and every later one.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lessThan, row, type Benchmark, type BenchmarkContext } from './benchmark.ts';
import { median } from './figures.ts';
import { root, startGateway } from './gateway-process.ts';

const repetitions = 3;

export const start: Benchmark = {
  name: 'start',
  about: 'Seconds from the start of the gateway to the first 200 of /readyz, a checked runner included.',
  async run(context) {
    const seconds: { first: number; later: number; command: number }[] = [];
    for (let turn = 1; turn <= (context.isQuick ? 1 : repetitions); turn += 1) {
      context.say(`start ${turn} of ${repetitions}, on an empty folder and on the same again`);
      const inFolder = { ...context, folder: join(context.folder, String(turn)) };
      const first = await startOnce(inFolder);
      const later = await startOnce(inFolder);
      seconds.push({ first, later, command: await commandSeconds(context.signal) });
    }
    const [first, later, command] = [median(seconds.map((one) => one.first)), median(seconds.map((one) => one.later)), median(seconds.map((one) => one.command))];
    return [
      row('gateway, first start (measures dtypes)', first, 's'),
      row('gateway, later starts', later, 's'),
      row('npm start -- --help: npm, the set-up check, loading', command, 's'),
      row('npm start to ready, first start (the sum)', first + command, 's', lessThan(5)),
      row('npm start to ready, later starts (the sum)', later + command, 's', lessThan(5)),
    ];
  },
};

async function startOnce(context: BenchmarkContext): Promise<number> {
  await using gateway = await startGateway(context);
  return gateway.readyMs / 1000;
}

/** What comes before the gateway's own start. It loads the gateway's modules too, so the sum is rather too high. */
async function commandSeconds(signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  await promisify(execFile)('npm', ['start', '--', '--help'], { cwd: root, signal, shell: process.platform === 'win32' });
  return (performance.now() - startedAt) / 1000;
}
