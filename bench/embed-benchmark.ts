// Measures how fast distinct texts become vectors: VectorStream end to end, against transformers.js
// used as its documentation shows.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import type { GeneratedEvent } from '../cli/generator/event-stream.ts';
import { gatewayTarget } from '../cli/generator/send-events.ts';
import type { VectorStreamClient } from '../client/client.ts';
import { root, startBenchGateway } from './bench-gateway.ts';
import { atLeast, row, type Benchmark, type BenchmarkContext } from './benchmark.ts';
import { median, medianRatio } from './figures.ts';
import { sendAndWait } from './send-stream.ts';
import { events } from './streams.ts';
import { makeTokenLevelModel } from './token-level-model.ts';

const textsPerRound = 1_024;
const rounds = 5;

export const embed: Benchmark = {
  name: 'embed',
  about:
    'Distinct product texts: from POST /events to stored with their vectors, in turn with ' +
    "pipeline('feature-extraction', fp32) in batches of 32.",
  async run(context) {
    const { isQuick, say, signal } = context;
    const count = isQuick ? textsPerRound / 4 : textsPerRound;
    await using gateway = await startBenchGateway(context);
    await using plain = await startPipeline(context);

    const measured: { ours: number; theirs: number }[] = [];
    // Round 0 warms both up. Every round has its own products, so that no text occurs twice.
    for (let round = 0; round <= (isQuick ? 2 : rounds); round += 1) {
      const made = [...events('unique', count, { seed: 100 + round, rate: null })];
      const theirs = count / (await plain.seconds(made.map(textOf)));
      const ours = count / (await secondsToStore(gateway.client, made, signal));
      const phase = round === 0 ? 'warming up' : `round ${round} of ${rounds}`;
      say(`${phase}: ${Math.round(ours)} against ${Math.round(theirs)} texts/s`);
      if (round > 0) measured.push({ ours, theirs });
    }
    const [runner] = (await gateway.client.stats({ signal })).runners;
    return [
      row(
        'transformers.js pipeline, fp32, all cores',
        median(measured.map(({ theirs }) => theirs)),
        'texts/s',
      ),
      row(
        `VectorStream end to end (${runner?.device}, ${runner?.dtype})`,
        median(measured.map(({ ours }) => ours)),
        'texts/s',
      ),
      row('ratio, median of pairs', medianRatio(measured), '×', atLeast(2.3)),
    ];
  },
};

async function secondsToStore(
  client: VectorStreamClient,
  made: readonly GeneratedEvent[],
  signal: AbortSignal,
): Promise<number> {
  const { seconds } = await sendAndWait({
    end: 'stored',
    client,
    target: gatewayTarget(client),
    events: made,
    rate: null,
    signal,
    onPoll: () => undefined,
  });
  return seconds;
}

function textOf({ line }: GeneratedEvent): string {
  const parsed = parseEvent(line, Date.now());
  if (isRejection(parsed))
    throw new Error(`The generator made an invalid event: ${parsed.message}`);
  return documentOf(parsed).text;
}

type Pipeline = AsyncDisposable & { seconds(texts: readonly string[]): Promise<number> };

/**
 * Starts the pipeline in its own process, like the runners: inference must not share one with this
 * program.
 */
async function startPipeline({ folder, signal }: BenchmarkContext): Promise<Pipeline> {
  const model = join(folder, 'token-level');
  await makeTokenLevelModel(join(root, 'models/all-MiniLM-L6-v2'), model, 'fp32');
  const child = fork(
    join(root, 'bench/plain-pipeline.ts'),
    [model, String(availableParallelism())],
    { detached: true },
  );
  return {
    async seconds(texts) {
      child.send(texts);
      const [seconds]: unknown[] = await Promise.race([
        once(child, 'message', { signal }),
        once(child, 'exit', { signal }).then(([code]) => {
          throw new Error(`The pipeline's process ended with ${String(code)}.`);
        }),
      ]);
      return Number(seconds);
    },
    [Symbol.asyncDispose]: () => end(child),
  };
}

/** The process has nothing to save, so SIGKILL is enough. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
