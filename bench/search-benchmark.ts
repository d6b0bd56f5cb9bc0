// Measures how fast searches are while a stream runs at full speed, and how much they slow it down.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { at } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import { gatewayTarget, sendEvents } from '../cli/generator/send-events.ts';
import { root, startBenchGateway, type BenchGateway } from './bench-gateway.ts';
import { lessThan, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { median } from './figures.ts';
import { merged, percentile, searchInOwnProcess, type SearchTimes } from './searcher.ts';
import { events } from './streams.ts';

const texts = 50_000;
const storedEvents = 1_000_000;
const searchesPerSecond = 5;
const phaseSeconds = 15;
/**
 * After this time the gateway knows the stream's products. Before, the runners limit the speed of
 * the stream.
 */
const warmUpSeconds = 45;
/** Whether there are searches: each phase with searches lies between two without. */
const phases = [false, true, false, true, false];
/** More events than any machine accepts in that time. */
const streamLength = 20_000_000;

export const search: Benchmark = {
  name: 'search',
  about:
    `Searches over ${texts.toLocaleString('en-US')} texts and ` +
    `${storedEvents.toLocaleString('en-US')} events, ${searchesPerSecond} per second, ` +
    'each with a different query, while a stream runs at full speed.',
  async run(context) {
    const share = context.isQuick ? 0.1 : 1;
    context.say(`filling the store with ${texts * share} texts and ${storedEvents * share} events`);
    const fill = [
      join(root, 'bench/embedded/fill.ts'),
      join(context.folder, 'data'),
      join(root, 'models/all-MiniLM-L6-v2'),
      String(texts * share),
      String(storedEvents * share),
    ];
    await promisify(execFile)(process.execPath, fill, { signal: context.signal });
    await using gateway = await startBenchGateway(context);
    const workload = new Workload(context, gateway);

    const idle = await workload.searches('searching an idle gateway', 2 + 8 * share);
    await using stream = workload.stream('zipf-1.1', 11);
    context.say('the stream starts');
    await stream.during(warmUpSeconds * share);
    const seconds = context.isQuick ? phaseSeconds / 3 : phaseSeconds;
    const rates: number[] = [];
    const times: SearchTimes[] = [];
    for (const withSearches of phases) {
      const searching = withSearches
        ? workload.searches('the stream with searches', seconds)
        : null;
      if (searching === null) context.say('the stream without searches');
      rates.push(await stream.during(seconds));
      if (searching !== null) times.push(await searching);
    }
    await stream[Symbol.asyncDispose]();

    await using unique = workload.stream('unique', 12);
    await unique.during(seconds / 3);
    const withUnique = await workload.searches(
      'searching while every event has a new text',
      seconds,
    );
    return [
      ...idleRows(idle),
      ...streamRows(rates),
      ...searchRows('zipf-1.1', merged(times), true),
      ...searchRows('only new texts', withUnique, false),
    ];
  },
};

function idleRows({ totalMs, embedMs, storeMs }: SearchTimes): readonly Row[] {
  return [
    row('no stream: search, p50', percentile(50, totalMs), 'ms'),
    row('no stream: of it embedding, p50', percentile(50, embedMs), 'ms'),
    row('no stream: of it the store, p50', percentile(50, storeMs), 'ms'),
  ];
}

/** Compares each phase with searches to the mean of its neighbours, so that a drift cancels out. */
function streamRows(rates: readonly number[]): readonly Row[] {
  const without = (index: number): number => (at(rates, index - 1) + at(rates, index + 1)) / 2;
  const slowed = rates.flatMap((rate, index) =>
    phases[index] === true ? [100 * (1 - rate / without(index))] : [],
  );
  return [
    row(
      'zipf-1.1: events stored, without searches',
      median(rates.filter((_, index) => phases[index] === false)),
      'events/s',
    ),
    row(
      'zipf-1.1: events stored, with searches',
      median(rates.filter((_, index) => phases[index] === true)),
      'events/s',
    ),
    row('zipf-1.1: slowed by searches', median(slowed), '%', lessThan(10)),
  ];
}

/** Embedding that takes longer than on an idle machine is a wait for a runner, or for a core. */
function searchRows(
  name: string,
  { totalMs, embedMs, storeMs, failed }: SearchTimes,
  isHeld: boolean,
): readonly Row[] {
  // HTTP, the gateway's event loop, and the program that searches.
  const elsewhereMs = totalMs.map(
    (total, index) => total - at(embedMs, index) - at(storeMs, index),
  );
  return [
    row(`${name}: search, p50`, percentile(50, totalMs), 'ms'),
    row(`${name}: search, p95`, percentile(95, totalMs), 'ms', isHeld ? lessThan(150) : null),
    row(`${name}: search, p99`, percentile(99, totalMs), 'ms'),
    row(`${name}: of it waiting for a runner and embedding, p50`, percentile(50, embedMs), 'ms'),
    row(`${name}: of it waiting for a runner and embedding, p95`, percentile(95, embedMs), 'ms'),
    row(`${name}: of it the store, p50`, percentile(50, storeMs), 'ms'),
    row(`${name}: of it the store, p95`, percentile(95, storeMs), 'ms'),
    row(`${name}: of it elsewhere (event loops, HTTP), p50`, percentile(50, elsewhereMs), 'ms'),
    row(`${name}: of it elsewhere (event loops, HTTP), p95`, percentile(95, elsewhereMs), 'ms'),
    row(`${name}: searches that failed`, failed, '', isHeld ? lessThan(1) : null),
  ];
}

/** Streams events to a gateway and searches it; no query occurs twice. */
class Workload {
  readonly #context: BenchmarkContext;
  readonly #gateway: BenchGateway;
  #queries = 0;

  constructor(context: BenchmarkContext, gateway: BenchGateway) {
    this.#context = context;
    this.#gateway = gateway;
  }

  searches(what: string, seconds: number): Promise<SearchTimes> {
    const { say, signal } = this.#context;
    say(what);
    const from = this.#queries;
    this.#queries += Math.ceil(seconds * searchesPerSecond);
    return searchInOwnProcess(
      { url: this.#gateway.url, from, perSecond: searchesPerSecond, seconds },
      signal,
    );
  }

  /** Sends as fast as the gateway accepts it, until disposed. */
  stream(
    name: string,
    seed: number,
  ): AsyncDisposable & { during(seconds: number): Promise<number> } {
    const { signal } = this.#context;
    const { client } = this.#gateway;
    const stop = new AbortController();
    const failed = new AbortController();
    const sending = sendEvents({
      events: events(name, streamLength, { seed, rate: null }),
      target: gatewayTarget(client),
      rate: null,
      clock: systemClock,
      stop: AbortSignal.any([signal, stop.signal]),
      abandon: signal,
      onProgress: () => undefined,
    });
    sending.catch((error: unknown) => failed.abort(error));
    const stored = async (): Promise<{ at: number; stored: number }> => ({
      stored: (await client.stats({ signal })).events.stored,
      at: performance.now(),
    });
    return {
      /** Resolves to the events stored per second during this time. */
      async during(seconds) {
        const before = await stored();
        await systemClock.sleep(seconds * 1000, AbortSignal.any([signal, failed.signal]));
        const after = await stored();
        return ((after.stored - before.stored) / (after.at - before.at)) * 1000;
      },
      async [Symbol.asyncDispose]() {
        stop.abort();
        await sending;
      },
    };
  }
}
