// `npm run soak`: sends a steady stream to a gateway for a given time, and checks that nothing in
// the gateway grows.

import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import {
  integer,
  number,
  section,
  text,
  toggle,
  type Command,
  type FlagValues,
} from '../../cli/flags.ts';
import type { GeneratedEvent } from '../../cli/generator/event-stream.ts';
import { streamOf } from '../../cli/generator/generator-flags.ts';
import { gatewayTarget, sendEvents } from '../../cli/generator/send-events.ts';
import { listenForInterrupt } from '../../cli/interrupt.ts';
import { createProgress, duration, tolerateClosedPipes } from '../../cli/progress-bar.ts';
import { runCommand } from '../../cli/run-command.ts';
import { root, startBenchGateway } from '../bench-gateway.ts';
import { conditions, conditionsLine } from '../bench-machine.ts';
import { openPage } from './open-page.ts';
import { createSampler, type Sample } from './sample.ts';
import { verdictsOf, verdictTable } from './verdict.ts';

const flags = {
  ...section('Load', {
    minutes: number('N', 60, 0.02, 30_000, 'how long'),
    rate: number(
      'R',
      500,
      1,
      100_000,
      'events per second; choose well below what this machine can do',
    ),
    'fresh-percent': number(
      'P',
      2,
      0,
      100,
      'share of the events that is about new products, so that runners have work to the end',
    ),
    every: number('S', 5, 0.1, 3600, 'seconds between two samples'),
    page: toggle('keeps the home page open in a headless browser, and samples its memory'),
    runners: integer('N', null, 1, 256, 'Node runners (default: as many as suit this machine)'),
  }),
  ...section('Output', {
    out: text('FILE', null, 'writes every sample to this file, as one line of JSON'),
  }),
};

const command: Command<typeof flags> = {
  usage: 'npm run soak --',
  about:
    'Sends a steady stream to its own gateway in a temporary folder, and samples memory, file ' +
    'handles, delays and backlog.\nEnds with a table, and with exit code 1 when a figure exceeds ' +
    'its bound or rises too fast. Ctrl-C ends it with the samples so far.',
  flags,
  operands: [],
  variables: { PUPPETEER_EXECUTABLE_PATH: 'the browser of --page' },
};

const graceMs = 20_000;

async function soak(values: FlagValues<typeof flags>): Promise<number> {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const out = values.out === null ? null : openOut(values.out);
  const folder = mkdtempSync(join(tmpdir(), 'vectorstream-soak-'));
  try {
    process.stdout.write(`${conditionsLine(conditions())}\n`);
    const samples = await watch(values, {
      folder,
      stop: interrupt.stop,
      abandon: interrupt.abandon,
      out,
    });
    return report(values, samples, interrupt.stop.aborted);
  } catch (error) {
    if (!interrupt.stop.aborted) throw error;
    process.stderr.write('Stopped before the first sample.\n');
    return 130;
  } finally {
    if (out !== null) closeSync(out);
    await rm(folder, { recursive: true, force: true });
  }
}

type SoakContext = {
  readonly folder: string;
  readonly stop: AbortSignal;
  readonly abandon: AbortSignal;
  readonly out: number | null;
};

/**
 * Samples the gateway until the time is over or `stop` aborts. Rejects when the gateway does not
 * start, or refuses events.
 */
async function watch(
  {
    minutes,
    rate,
    every,
    runners,
    page: isPageOpen,
    'fresh-percent': freshPercent,
  }: FlagValues<typeof flags>,
  { folder, stop, abandon, out }: SoakContext,
): Promise<readonly Sample[]> {
  const seconds = minutes * 60;
  const context = {
    folder,
    program: root,
    isQuick: false,
    profileFolder: null,
    signal: stop,
    say: () => undefined,
  };
  await using gateway = await startBenchGateway(
    context,
    runners === null ? {} : { VECTORSTREAM_RUNNERS: String(runners) },
  );
  const progress = createProgress({
    label: 'soak, seconds',
    total: Math.round(seconds),
    out: process.stderr,
    clock: systemClock,
  });
  await using page = isPageOpen
    ? await openPage(gateway.url, process.env['PUPPETEER_EXECUTABLE_PATH'] || null)
    : null;
  const sample = createSampler(gateway, page);
  const over = AbortSignal.any([stop, AbortSignal.timeout(Math.ceil(seconds * 1000))]);
  const failed = new AbortController();
  const ended = AbortSignal.any([over, failed.signal]);
  // The stream is longer than needed; the time ends it.
  const sending = sendEvents({
    events: mixed(rate, Math.ceil(rate * seconds * 2), freshPercent / 100),
    target: gatewayTarget(gateway.client),
    rate,
    clock: systemClock,
    stop: over,
    abandon,
    onProgress: () => undefined,
  });
  sending.catch((error: unknown) => failed.abort(error));

  const samples: Sample[] = [];
  for (let turn = 0; !ended.aborted; turn += 1) {
    const taken = await sample(abandon);
    samples.push(taken);
    if (out !== null) writeSync(out, `${JSON.stringify(taken)}\n`);
    progress.update(taken.seconds, `${Math.round(taken.rssBytes / 1e6)} MB, ${taken.lag} behind`);
    const nextAt = (turn + 1) * every;
    await rest(systemClock, Math.max(0, nextAt - taken.seconds) * 1000, ended);
  }
  progress.finish();
  await sending;
  return samples;
}

/** `zipf-1.1`, mixed evenly with `freshShare` (0…1) of events about ever new products. */
function* mixed(rate: number, count: number, freshShare: number): Generator<GeneratedEvent> {
  const stream = (name: string, share: number) =>
    streamOf({
      flags: { stream: name, seed: 31, 'invalid-percent': 0 },
      count: Math.ceil(count * share) + 1,
      rate: Math.max(1e-6, rate * share),
      now: systemClock.now(),
    }).events();
  const known = Iterator.from(stream('zipf-1.1', 1 - freshShare));
  const fresh = Iterator.from(stream('unique', freshShare));
  for (let index = 1; index <= count; index += 1) {
    const isFresh = Math.floor(index * freshShare) > Math.floor((index - 1) * freshShare);
    const next = (isFresh ? fresh : known).next();
    if (next.done === true) return;
    yield next.value;
  }
}

function report(
  { minutes }: FlagValues<typeof flags>,
  samples: readonly Sample[],
  isStopped: boolean,
): number {
  const verdicts = verdictsOf(samples);
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) throw new Error('There are no samples.');
  const perSecond = (last.stored - first.stored) / Math.max(0.001, last.seconds);
  const time = `${duration(last.seconds)} of ${duration(minutes * 60)}`;
  const figures = [
    `${samples.length} samples`,
    `${Math.round(perSecond)} events/s stored`,
    `${last.textsEmbedded - first.textsEmbedded} texts embedded`,
    `${last.deadLettered} events dead-lettered`,
  ].join(', ');
  process.stdout.write(
    `\n${isStopped ? 'Stopped after' : 'After'} ${time}: ${figures}.\n${verdictTable(verdicts)}\n`,
  );
  const isKept = verdicts.every((verdict) => verdict.isKept) && last.deadLettered === 0;
  process.stdout.write(isKept ? '\nNothing grows.\n' : '\nSomething exceeds its bound.\n');
  if (!isKept) return 1;
  return isStopped ? 130 : 0;
}

/** Fails before an hour of work, and not after it. */
function openOut(file: string): number {
  try {
    return openSync(file, 'w');
  } catch (error) {
    throw new UsageError(
      `--out ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  }
}

await runCommand(command, process.argv.slice(2), soak);
