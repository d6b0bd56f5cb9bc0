// `npm run demo`: the whole job on this machine, from events to search, in one command.

import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import { integer, number, runCommand, toggle } from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import { createGatewayClient, defaultGatewayUrl } from '../gateway-client.ts';
import type { GatewayClient } from '../gateway-client.ts';
import { startGateway } from '../gateway-process.ts';
import type { GatewayProcess } from '../gateway-process.ts';
import { generatorFlags, streamOf } from '../generator/generator-flags.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { count, createProgress, silentProgress, tolerateClosedPipes } from '../progress-bar.ts';
import { drainBacklog, runJob } from './demo-job.ts';
import {
  exampleQueries,
  nextSteps,
  searchText,
  shortfall,
  summaryJson,
  summaryTable,
} from './demo-summary.ts';

const flags = {
  count: integer('N', 10_000, 1, 1e9, 'how many events'),
  rate: number(
    'R',
    null,
    0.01,
    1e6,
    'events per second, instead of as fast as the gateway takes them',
  ),
  ...generatorFlags,
  port: integer(
    'N',
    null,
    1,
    65_535,
    'where the gateway listens (default VECTORSTREAM_PORT, or 8080)',
  ),
  exit: toggle('ends after the summary instead of staying up'),
  json: toggle(
    'the last line of the output is one JSON object with the results; nothing else is written there',
  ),
};

const command: Command<typeof flags> = {
  usage: 'npm run demo --',
  about:
    'Starts a gateway and its runners, sends generated events, shows the figures and three searches, and stays up.',
  flags,
  operands: [],
};

const root = join(import.meta.dirname, '../..');
const readyMsMax = 180_000;
/** As long as a gateway that died needs to come back. */
const patienceMs = 120_000;
const graceMs = 4000;

async function demo(values: FlagValues<typeof flags>): Promise<number> {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const tell = (text: string): void => {
    if (!values.json) process.stdout.write(text);
  };
  const makeProgress = (label: string, total: number | null) =>
    values.json
      ? silentProgress
      : createProgress({ label, total, out: process.stdout, clock: systemClock });
  let progress = silentProgress;
  const say = (line: string): void => {
    if (values.json) process.stderr.write(`${line}\n`);
    else progress.say(line);
  };

  // What the person did not choose is embedded, whatever other engines are configured for npm
  // start.
  const env = {
    VECTORSTREAM_SOURCE: 'embedded',
    VECTORSTREAM_STORE: 'embedded',
    ...process.env,
    LOG_FORMAT: 'json',
    ...(values.port !== null && { VECTORSTREAM_PORT: String(values.port) }),
  };
  const url = defaultGatewayUrl(env);
  const stream = streamOf({
    flags: values,
    count: values.count,
    rate: values.rate,
    now: systemClock.now(),
  });
  try {
    await using gateway = await startGateway({
      command: [process.execPath, join(root, 'gateway', 'main.ts')],
      folder: process.cwd(),
      env,
      clock: systemClock,
      host: new URL(url).hostname.replace(/^\[|\]$/g, ''),
      port: Number(new URL(url).port || 80),
      dataDir: process.env['VECTORSTREAM_DATA_DIR'] ?? '.vectorstream',
      logName: 'demo-gateway.log',
      portSetting: '--port N',
      say: (line) => say(line),
    });
    interrupt.stop.addEventListener('abort', gateway.expectEnd, { once: true });
    const signal = AbortSignal.any([interrupt.stop, gateway.gone]);
    const client = createGatewayClient({
      url,
      apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
      clock: systemClock,
      patienceMs,
      onWait: () => {},
    });

    progress = makeProgress('starting the gateway', null);
    await waitUntilReady(client, gateway, signal, (reason) => progress.say(reason));
    gateway.isReady();
    await drainBacklog({
      client,
      clock: systemClock,
      signal,
      open: (waiting) => {
        progress.say(
          `${count(waiting)} events of an earlier run are still waiting; they are stored first.`,
        );
        return makeProgress('earlier events', waiting);
      },
    });

    progress = makeProgress('stored', values.count);
    const result = await runJob({
      client,
      events: stream.events(),
      rate: values.rate,
      clock: systemClock,
      progress,
      signal,
      restarts: gateway.restarts,
      onLook: gateway.readLog,
    });
    progress.finish();
    progress = makeProgress('', null);
    tell(summaryTable(result));
    tell('\nThree searches, by meaning:\n\n');
    for (const query of exampleQueries)
      tell(searchText(query, await client.search(query, 3, signal)));
    const trouble = shortfall(result);
    if (trouble !== null) say(trouble);
    if (values.json) process.stdout.write(`${summaryJson(result)}\n`);
    if (!values.exit) {
      tell(`\n${nextSteps(url, gateway.logPath)}`);
      await stayUp(gateway, signal);
    }
    return trouble === null ? 0 : 1;
  } catch (error) {
    if (!interrupt.stop.aborted) throw error;
    say('Stopped. What the gateway had accepted is safe, and goes on with the next start.');
    return 130;
  }
}

/** Says what it waits for, once per reason. */
async function waitUntilReady(
  client: GatewayClient,
  gateway: GatewayProcess,
  signal: AbortSignal,
  say: (reason: string) => void,
): Promise<void> {
  const startedAt = systemClock.monotonic();
  let said: string | null = null;
  for (
    let reason = await client.unreadiness(signal);
    reason !== null;
    reason = await client.unreadiness(signal)
  ) {
    gateway.readLog();
    if (systemClock.monotonic() - startedAt > readyMsMax)
      throw new Error(
        `The gateway is not ready after ${readyMsMax / 1000} s: ${reason}. Its log is ${gateway.logPath}.`,
      );
    const plain = explained(reason);
    if (plain !== said) say(plain);
    said = plain;
    await systemClock.sleep(100, signal);
  }
}

function explained(reason: string): string {
  if (reason.startsWith('it is starting')) return 'Starting the gateway …';
  if (reason.includes('runner'))
    return 'The gateway is up. Its runners load the model, check it and measure which device and layout is fastest here …';
  return `Waiting: ${reason} …`;
}

/** Until Ctrl-C; rejects when the gateway is gone for good. */
async function stayUp(gateway: GatewayProcess, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    gateway.readLog();
    await systemClock.sleep(1000, signal).catch(() => undefined);
  }
  gateway.gone.throwIfAborted();
}

await runCommand(command, process.argv.slice(2), demo);
