// `npm run demo`: the whole job on this machine, from events to search, in one command.

import { resolve } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import type { VectorStreamClient } from '../../client/client.ts';
import { integer, number, toggle, section, orVariables } from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import { connectGateway, defaultGatewayUrl } from '../gateway/gateway-connection.ts';
import type { GatewayProcess } from '../gateway/gateway-process.ts';
import type { EventStream } from '../generator/event-stream.ts';
import { generatorFlags, streamOf } from '../generator/generator-flags.ts';
import { gatewayTarget } from '../generator/send-events.ts';
import { listenForInterrupt, type Interrupt } from '../interrupt.ts';
import { openBrowser } from '../open-browser.ts';
import { count, tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { hitsText } from '../search/hits-text.ts';
import { defaultDemoFolder, openDemoFolder } from './demo-folder.ts';
import { demoEnvironment, startDemoGateway, waitUntilReady } from './demo-gateway.ts';
import { DemoGenerator } from './demo-generator.ts';
import { drainBacklog, runJob, type JobResult } from './demo-job.ts';
import { DemoScreen } from './demo-screen.ts';
import {
  exampleQueries,
  farewell,
  nextSteps,
  shortfall,
  summaryJson,
  summaryTable,
} from './demo-summary.ts';

const flags = {
  ...section('How many, how fast', {
    count: integer('N', 10_000, 1, 1e9, 'how many events'),
    rate: number(
      'R',
      null,
      0.01,
      1e6,
      'events per second, instead of as fast as the gateway accepts them',
    ),
  }),
  ...generatorFlags,
  ...section('Gateway', {
    port: orVariables(
      'VECTORSTREAM_PORT',
      integer('N', null, 1, 65_535, 'where the gateway listens (default 8080)'),
    ),
    reset: toggle('removes the events of earlier demos first'),
  }),
  ...section('At the end', {
    open: toggle('opens the demo page in a browser when all is stored'),
    exit: toggle('ends after the summary instead of staying up'),
    json: toggle('writes one JSON object with the results to the output, and nothing else'),
  }),
};

type Flags = FlagValues<typeof flags>;

const command: Command<typeof flags> = {
  usage: 'npm run demo --',
  about:
    'Starts a gateway and its runners, sends generated events, shows the figures and three ' +
    'searches, and stays up.\nIts data is apart from that of npm start.',
  flags,
  operands: [],
  variables: {
    VECTORSTREAM_DATA_DIR: 'folder for its data (default .vectorstream-demo)',
    'VECTORSTREAM_…': 'every setting of the gateway; npm start -- --help lists them',
  },
};

/** The longest time that a gateway may take to restart. */
const retryForMs = 120_000;
const graceMs = 4000;
const logPollMs = 1000;
/** Events per second, and for how long at most: somebody may forget to stop it. */
const generatorRate = 20;
const generatorSecondsMax = 3600;

async function demo(values: Flags): Promise<number> {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const screen = new DemoScreen(values.json);
  const env = demoEnvironment(process.env, values.port);
  const url = defaultGatewayUrl(env);
  const stream = streamOf({
    flags: values,
    count: values.count,
    rate: values.rate,
    now: systemClock.now(),
  });
  const { client, throwExplained } = connectGateway({
    url,
    apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
    retryForMs,
    onWait: () => undefined,
  });
  const folder = env['VECTORSTREAM_DATA_DIR'] ?? defaultDemoFolder;
  openDemoFolder(folder, values.reset);
  try {
    const code = await withGateway({ url, env, client, stream, values, interrupt, screen });
    if (!values.exit) screen.print(farewell(resolve(folder)));
    return code;
  } catch (error) {
    if (!interrupt.stop.aborted) throwExplained(error);
    screen.say(
      `Stopped. The accepted events are safe in ${resolve(folder)}; the next demo stores them.`,
    );
    return 130;
  }
}

type Run = {
  readonly url: string;
  readonly env: ReturnType<typeof demoEnvironment>;
  readonly client: VectorStreamClient;
  readonly stream: EventStream;
  readonly values: Flags;
  readonly interrupt: Interrupt;
  readonly screen: DemoScreen;
};

/** Resolves to the exit code when the gateway has stopped. */
async function withGateway(run: Run): Promise<number> {
  const { url, env, values, interrupt, screen } = run;
  await using gateway = await startDemoGateway(url, env, (line) => screen.say(line));
  interrupt.stop.addEventListener('abort', () => gateway.expectEnd(), { once: true });
  const signal = AbortSignal.any([interrupt.stop, gateway.gone]);
  const result = await sendAndSearch(run, gateway, signal);
  const problem = shortfall(result);
  if (problem !== null) screen.say(problem);
  if (values.json) process.stdout.write(`${summaryJson(result)}\n`);
  if (!values.exit) {
    screen.print(`\n${nextSteps(url, gateway.logPath)}`);
    if (values.open)
      openBrowser(`${url}/demo`, () => screen.say(`No browser starts here: open ${url}/demo`));
    await using _ = generatorOf(run, gateway);
    await stayUp(gateway, signal);
  }
  return problem === null ? 0 : 1;
}

/** Sends the stream, and shows its summary and three searches. */
async function sendAndSearch(
  { client, stream, values, screen }: Run,
  gateway: GatewayProcess,
  signal: AbortSignal,
): Promise<JobResult> {
  await waitUntilReady(client, gateway, signal, screen);
  await drainBacklog({
    client,
    clock: systemClock,
    signal,
    onBacklog(waiting) {
      screen.sayWaiting(
        `${count(waiting)} events of an earlier run are still waiting; they are stored first.`,
      );
      return screen.newProgress('earlier events', waiting);
    },
  });
  const progress = screen.begin('stored', values.count);
  const result = await runJob({
    client,
    events: stream.events(),
    rate: values.rate,
    clock: systemClock,
    progress,
    signal,
    restarts: () => gateway.restarts,
    onPoll: () => gateway.reportWarnings(),
  });
  progress.finish();
  screen.begin('', null);
  screen.print(summaryTable(result));
  screen.print('\nThree searches:\n\n');
  for (const query of exampleQueries)
    screen.print(hitsText(query, await client.search({ query, limit: 3 }, { signal })));
  return result;
}

/** What a person starts on the page `/`. */
const generatorOf = ({ client, values, screen }: Run, gateway: GatewayProcess): DemoGenerator =>
  new DemoGenerator({
    gateway,
    target: gatewayTarget(client),
    rate: generatorRate,
    stream: () =>
      streamOf({
        flags: values,
        count: generatorRate * generatorSecondsMax,
        rate: generatorRate,
        now: systemClock.now(),
      }),
    clock: systemClock,
    say: (line) => screen.say(line),
  });

/** Resolves at Ctrl-C; rejects when the gateway has ended and is not restarted. */
async function stayUp(gateway: GatewayProcess, signal: AbortSignal): Promise<void> {
  do {
    gateway.reportWarnings();
  } while (await rest(systemClock, logPollMs, signal));
  gateway.gone.throwIfAborted();
}

await runCommand(command, process.argv.slice(2), demo);
