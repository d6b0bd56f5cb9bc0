// How soon a new event can be found again after a gateway, a runner or a browser page was killed.

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '#core/time/clock.ts';
import type { GatewayClient } from '../cli/gateway-client.ts';
import { root, startGateway } from './bench-gateway.ts';
import { lessThan, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { median } from './figures.ts';
import { canListProcesses, descendantsOf } from './processes.ts';
import { events } from './streams.ts';

const rounds = 3;
const findMsMax = 60_000;
const lookMs = 10;
/** New texts under way when a runner is killed: about half a second of work for each runner. */
const textsInWork = 80;
/**
 * What a page has embedded before it is killed for the first time: some seconds of work, after
 * which its browser has kept the runtime's machine code.
 */
const textsBefore = 300;

export const recovery: Benchmark = {
  name: 'recovery',
  about:
    'Seconds from SIGKILL of a gateway, a runner or a browser page until an event that is sent then is found by a search for its text.',
  async run(context) {
    const turns = context.isQuick ? 1 : rounds;
    return [
      ...rowsOf('gateway killed, started again at once', await gatewayKilled(context, turns), 5),
      ...rowsOf('one of two runners killed at work', await runnerKilled(context, turns), 3),
      ...rowsOf('the only browser page killed', await pageKilled(context, turns), 5),
    ];
  },
};

/** None for what could not be tried. */
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
  let gateway = await startGateway(own);
  try {
    await untilFound(gateway.client, context.signal);
    for (let turn = 1; turn <= turns; turn += 1) {
      context.say(`killing the gateway, ${turn} of ${turns}`);
      const killedAt = performance.now();
      await gateway.kill();
      gateway = await startGateway(own);
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
      'A killed runner is left out: runners are found through /proc, which only Linux has.',
    );
  const seconds: number[] = [];
  await using gateway = await startGateway(
    { ...context, folder: join(context.folder, 'runner') },
    { VECTORSTREAM_RUNNERS: '2' },
  );
  for (let turn = 1; turn <= turns; turn += 1) {
    await readyRunners(gateway.client, 2, context.signal);
    await untilFound(gateway.client, context.signal);
    context.say(`killing a runner, ${turn} of ${turns}`);
    await send(gateway.client, textsInWork, 20 + turn, context.signal);
    const [worker] = descendantsOf(gateway.pid, 'node-runner/worker.ts');
    if (worker === undefined) throw new Error('There is no runner to kill.');
    seconds.push(await secondsAfterKilling(worker, gateway.client, context.signal));
  }
  return seconds;
}

async function pageKilled(context: BenchmarkContext, turns: number): Promise<readonly number[]> {
  if (!canListProcesses || !process.env['PUPPETEER_EXECUTABLE_PATH'])
    return skipped(
      context,
      'A killed page is left out: it needs Linux, and a browser named in PUPPETEER_EXECUTABLE_PATH.',
    );
  await promisify(execFile)(process.execPath, [join(root, 'scripts/build-pages.mjs')], {
    signal: context.signal,
  });
  const folder = join(context.folder, 'page');
  await using gateway = await startGateway(
    { ...context, folder },
    { VECTORSTREAM_RUNNERS: '0' },
    { untilReady: false },
  );
  await using browser = startBrowserRunner(gateway.client.url, folder);
  const seconds: number[] = [];
  await readyRunners(gateway.client, 1, context.signal);
  await send(gateway.client, textsBefore, 20, context.signal);
  await untilTrue(
    'all is stored',
    context.signal,
    async () => (await gateway.client.stats(context.signal)).store.events === textsBefore,
  );
  for (let turn = 1; turn <= turns; turn += 1) {
    await readyRunners(gateway.client, 1, context.signal);
    await untilFound(gateway.client, context.signal);
    context.say(`killing the page, ${turn} of ${turns}`);
    const [page] = descendantsOf(browser.pid, '--type=renderer');
    if (page === undefined) throw new Error('There is no page to kill.');
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
  client: GatewayClient,
  signal: AbortSignal,
): Promise<number> {
  const killedAt = performance.now();
  process.kill(pid, 'SIGKILL');
  await untilFound(client, signal);
  return (performance.now() - killedAt) / 1000;
}

/** One page on the processor: what a machine without a GPU has. */
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
  client: GatewayClient,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  await untilTrue(
    `${count} runners are ready`,
    signal,
    async () =>
      (await client.stats(signal)).runners.filter(({ state }) => state === 'ready').length ===
      count,
  );
}

async function send(
  client: GatewayClient,
  texts: number,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  await client.postEvents(
    Array.from(events('unique', texts, { seed, rate: null }), ({ line }) => line),
    { onInvalid: 'dead_letter', signal },
  );
}

/**
 * Sends an event about a product that nobody has seen, and resolves when a search for it finds it
 * first.
 */
async function untilFound(client: GatewayClient, signal: AbortSignal): Promise<void> {
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
  await client.postEvents([Buffer.from(JSON.stringify(event))], { onInvalid: 'reject', signal });
  await untilTrue(
    'the event is stored',
    signal,
    async () => (await fetch(`${client.url}/events/${id}`, { signal })).ok,
  );
  await untilTrue(
    'a search finds it',
    signal,
    async () => (await client.search(name, 1, signal)).hits[0]?.product?.name === name,
  );
}

async function untilTrue(
  what: string,
  signal: AbortSignal,
  look: () => Promise<boolean>,
): Promise<void> {
  const giveUpAt = performance.now() + findMsMax;
  while (!(await look())) {
    if (performance.now() > giveUpAt) throw new Error(`Not within ${findMsMax / 1000} s: ${what}.`);
    await systemClock.sleep(lookMs, signal);
  }
}
