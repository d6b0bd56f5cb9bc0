// `npm run simulate -- --histories 20000`: the same search as in the tests, over several threads
// and many seeds.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { search, type Found, type SearchOptions } from './search.ts';

const usage = `npm run simulate -- [--histories N] [--threads N] [--seed N] [--history N]
  --histories  number of histories (default 10000)
  --threads    threads; each has its own seed, counted up from --seed (default: one per processor)
  --seed       first seed (default: from the clock)
  --history    repeats only this history of a reported failure`;

type ThreadResult = Pick<Found, 'failure' | 'trace'> & {
  readonly seed: number;
  readonly cpuMs: number;
};

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      histories: { type: 'string', default: '10000' },
      threads: { type: 'string', default: String(availableParallelism()) },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      history: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const only = values.history === undefined ? null : Number(values.history);
  const [count, seed, threads] = [
    Number(values.histories),
    Number(values.seed),
    only === null ? Number(values.threads) : 1,
  ];
  if (
    values.help ||
    ![count, seed, threads, only ?? 1].every(Number.isSafeInteger) ||
    threads < 1 ||
    count < threads
  ) {
    process.stdout.write(`${usage}\n`);
    process.exitCode = values.help ? 0 : 2;
  } else {
    await searchInThreads({ seed, count: Math.ceil(count / threads), only }, threads);
  }
} else {
  const options: SearchOptions = workerData;
  const cpu = process.threadCpuUsage();
  const { failure, trace } = await search(options);
  const { user, system } = process.threadCpuUsage(cpu);
  const result: ThreadResult = {
    failure,
    trace,
    seed: options.seed,
    cpuMs: (user + system) / 1000,
  };
  parentPort?.postMessage(result, []);
}

async function searchInThreads(options: SearchOptions, threads: number): Promise<void> {
  const startedAt = performance.now();
  const results = await Promise.all(
    Array.from({ length: threads }, (_, thread) =>
      inThread({ ...options, seed: options.seed + thread }),
    ),
  );
  const [wallMs, cpuMs, count] = [
    performance.now() - startedAt,
    results.reduce((sum, one) => sum + one.cpuMs, 0),
    options.count * threads,
  ];
  const perMinute = (ms: number): string => ((count / ms) * 60_000).toFixed(0);
  for (const { failure, seed, trace } of results)
    process.stdout.write(
      failure === null ? `seed ${seed}: no promise is broken, trace ${trace}\n` : `${failure}\n`,
    );
  process.stdout.write(
    `${count} histories in ${(wallMs / 1000).toFixed(1)} s: ${perMinute(wallMs)} a minute ` +
      `on ${threads} threads, ${perMinute(cpuMs)} per minute of one CPU\n`,
  );
  if (results.some(({ failure }) => failure !== null)) process.exitCode = 1;
}

function inThread(options: SearchOptions): Promise<ThreadResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: options });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
