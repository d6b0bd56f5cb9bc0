// Measures how soon a new event is searchable after a gateway, a runner or a browser page is
// killed.

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assert } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import type { VectorStreamClient } from '../client/client.ts';
import { root, startBenchGateway } from './bench-gateway.ts';
import { lessThan, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { median } from './figures.ts';
import { canListProcesses, descendantsOf } from './processes.ts';
import { events } from './streams.ts';

const rounds = 3;
const findMsMax = 60_000;
const pollMs = 10;
/** New texts in flight when a runner is killed: about half a second of work for each runner. */
const textsInFlight = 80;
/**
 * Texts that a page embeds before it is first killed. After these seconds of work its browser has
 * cached the compiled runtime.
 */
const textsBefore = 300;

export const recovery: Benchmark = {
  name: 'recovery',
  about:
    'Seconds from SIGKILL of a gateway, a runner or a browser page until a search finds an event ' +
    'that is sent then.',
  async run(context) {
    const turns = context.isQuick ? 1 : rounds;
    return [
      ...rowsOf('gateway killed, started again at once', await gatewayKilled(context, turns), 5),
      ...rowsOf('one of two runners killed at work', await runnerKilled(context, turns), 3),
      ...rowsOf('the only browser page killed', await pageKilled(context, turns), 5),
    ];
  },
};

/** No rows for what could not be measured. */
function rowsOf(what: string, seconds: readonly number[], secondsMax: number): readonly Row[] {
  if (seconds.length === 0) return [];
  return [
    row(`${what}: median`, median(seconds), 's'),
    row(`${what}: longest of ${seconds.length}`, Math.max(...seconds), 's', lessThan(secondsMax)),
  ];
}

async function gatewayKilled(context: BenchmarkContext, turns: number): Promise<readonly number[]> {
  const own = { ...context, folder: join(context.folder, 'gateway') };
  const seconds: number[] = [];
  let gateway = await startBenchGateway(own);
  try {
    await untilFound(gateway.client, context.signal);
    for (let turn = 1; turn <= turns; turn += 1) {
      context.say(`killing the gateway, ${turn} of ${turns}`);
      const killedAt = performance.now();
      await gateway.kill();
      gateway = await startBenchGateway(own);
      await untilFound(gateway.client, context.signal);
      seconds.push((performance.now() - killedAt) / 1000);
    }
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
  return seconds;
}

async function runnerKilled(context: BenchmarkContext, turns: number): Promise<readonly number[]> {
  if (!canListProcesses)
    return skipped(
      context,
      'The killed runner is skipped: finding runners needs /proc, which only Linux has.',
    );
  const seconds: number[] = [];
  await using gateway = await startBenchGateway(
    { ...context, folder: join(context.folder, 'runner') },
    { VECTORSTREAM_RUNNERS: '2' },
  );
  for (let turn = 1; turn <= turns; turn += 1) {
    await readyRunners(gateway.client, 2, context.signal);
    await untilFound(gateway.client, context.signal);
    context.say(`killing a runner, ${turn} of ${turns}`);
    await send(gateway.client, textsInFlight, 20 + turn, context.signal);
    const [worker] = descendantsOf(gateway.pid, 'node-runner/worker.ts');
    if (worker === undefined) throw new Error('Found no runner to kill.');
    seconds.push(await secondsAfterKilling(worker, gateway.client, context.signal));
  }
  return seconds;
}

async function pageKilled(context: BenchmarkContext, turns: number): Promise<readonly number[]> {
  if (!canListProcesses || !process.env['PUPPETEER_EXECUTABLE_PATH'])
    return skipped(
      context,
      'The killed page is skipped: it needs Linux, and a browser in PUPPETEER_EXECUTABLE_PATH.',
    );
  await promisify(execFile)(process.execPath, [join(root, 'scripts/build-pages.mjs')], {
    signal: context.signal,
  });
  const folder = join(context.folder, 'page');
  await using gateway = await startBenchGateway(
    { ...context, folder },
    { VECTORSTREAM_RUNNERS: '0' },
    { untilReady: false },
  );
  await using browser = startBrowserRunner(gateway.url, folder);
  const seconds: number[] = [];
  await readyRunners(gateway.client, 1, context.signal);
  await send(gateway.client, textsBefore, 20, context.signal);
  await untilTrue(
    'all is stored',
    context.signal,
    async () =>
      (await gateway.client.stats({ signal: context.signal })).store?.events === textsBefore,
  );
  for (let turn = 1; turn <= turns; turn += 1) {
    await readyRunners(gateway.client, 1, context.signal);
    await untilFound(gateway.client, context.signal);
    context.say(`killing the page, ${turn} of ${turns}`);
    const [page] = descendantsOf(browser.pid, '--type=renderer');
    if (page === undefined) throw new Error('Found no page to kill.');
    seconds.push(await secondsAfterKilling(page, gateway.client, context.signal));
  }
  return seconds;
}

function skipped(context: BenchmarkContext, why: string): readonly number[] {
  context.say(why);
  return [];
}

async function secondsAfterKilling(
  pid: number,
  client: VectorStreamClient,
  signal: AbortSignal,
): Promise<number> {
  const killedAt = performance.now();
  process.kill(pid, 'SIGKILL');
  await untilFound(client, signal);
  return (performance.now() - killedAt) / 1000;
}

/** One page on the CPU, as on a machine without a GPU. */
function startBrowserRunner(
  url: string,
  folder: string,
): AsyncDisposable & { readonly pid: number } {
  const log = openSync(join(folder, 'browser-runner.log'), 'a');
  const child = spawn(
    process.execPath,
    [
      join(root, 'browser-runner/main.ts'),
      '--gateway',
      url.replace(/^http/, 'ws'),
      '--device',
      'wasm',
      '--dtype',
      'int8',
    ],
    {
      cwd: root,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, VECTORSTREAM_DATA_DIR: join(folder, 'data') },
    },
  );
  closeSync(log);
  if (child.pid === undefined) throw new Error('The browser runner cannot be started.');
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function readyRunners(
  client: VectorStreamClient,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  await untilTrue(
    `${count} runners are ready`,
    signal,
    async () =>
      (await client.stats({ signal })).runners.filter(({ state }) => state === 'ready').length ===
      count,
  );
}

async function send(
  client: VectorStreamClient,
  texts: number,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  await client.events.sendLines(
    Array.from(events('unique', texts, { seed, rate: null }), ({ line }) => line),
    { signal },
  );
}

/** Sends an event about a new product, and resolves when a search has that product as first hit. */
async function untilFound(client: VectorStreamClient, signal: AbortSignal): Promise<void> {
  const id = randomUUID();
  const name = `Lantern ${id}`;
  const event = {
    event_id: id,
    timestamp: new Date().toISOString(),
    user_id: 'bench',
    event_type: 'view',
    session_id: 'bench',
    product: { id, name, price: 1 },
  };
  const { accepted } = await client.events.sendLines([Buffer.from(JSON.stringify(event))], {
    signal,
  });
  assert(accepted === 1, 'The gateway rejected the event of the benchmark');
  await untilTrue(
    'the event is stored',
    signal,
    async () => (await client.events.get(id, { signal })) !== null,
  );
  await untilTrue(
    'a search finds it',
    signal,
    async () =>
      (await client.search({ query: name, limit: 1 }, { signal })).hits[0]?.product?.name === name,
  );
}

async function untilTrue(
  what: string,
  signal: AbortSignal,
  check: () => Promise<boolean>,
): Promise<void> {
  const giveUpAt = performance.now() + findMsMax;
  while (!(await check())) {
    if (performance.now() > giveUpAt) throw new Error(`Not within ${findMsMax / 1000} s: ${what}.`);
    await systemClock.sleep(pollMs, signal);
  }
}
