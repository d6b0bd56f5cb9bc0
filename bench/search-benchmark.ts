// How quick searches are while a stream runs at full speed, and what they cost that stream.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '#core/time/clock.ts';
import { sendEvents } from '../cli/generator/send-events.ts';
import { root, startGateway, type GatewayProcess } from './bench-gateway.ts';
import { lessThan, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { median } from './figures.ts';
import { p, searchApart, together, type SearchTimes } from './searcher.ts';
import { events } from './streams.ts';

const texts = 50_000;
const storedEvents = 1_000_000;
const searchesPerSecond = 5;
const phaseSeconds = 15;
/**
 * Until the stream's products are known, and what is measured is its speed and not that of the
 * runners.
 */
const warmUpSeconds = 45;
/** With searches between two without, twice. */
const phases = [false, true, false, true, false];
/** More than any machine takes in that time. */
const streamLength = 20_000_000;

export const search: Benchmark = {
  name: 'search',
  about: `Searches over ${texts.toLocaleString('en-US')} texts and ${storedEvents.toLocaleString('en-US')} events, ${searchesPerSecond} a second, each with a query of its own, while a stream runs at full speed.`,
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
    await using gateway = await startGateway(context);
    const measured = new Measured(context, gateway);

    const idle = await measured.searches('searching with nothing else to do', 2 + 8 * share);
    await using stream = measured.stream('zipf-1.1', 11);
    context.say('the stream begins');
    await stream.during(warmUpSeconds * share);
    const seconds = context.isQuick ? phaseSeconds / 3 : phaseSeconds;
    const rates: number[] = [];
    const found: SearchTimes[] = [];
    for (const withSearches of phases) {
      const searching = withSearches
        ? measured.searches('the stream with searches', seconds)
        : null;
      if (searching === null) context.say('the stream without searches');
      rates.push(await stream.during(seconds));
      if (searching !== null) found.push(await searching);
    }
    await stream[Symbol.asyncDispose]();

    await using fresh = measured.stream('unique', 12);
    await fresh.during(seconds / 3);
    const amongFresh = await measured.searches(
      'searching while every event brings a new text',
      seconds,
    );
    return [
      ...idleRows(idle),
      ...streamRows(rates),
      ...searchRows('zipf-1.1', together(found), true),
      ...searchRows('only new texts', amongFresh, false),
    ];
  },
};

function idleRows({ totalMs, embedMs, storeMs }: SearchTimes): readonly Row[] {
  return [
    row('no stream: search, p50', p(50, totalMs), 'ms'),
    row('no stream: of it embedding, p50', p(50, embedMs), 'ms'),
    row('no stream: of it the store, p50', p(50, storeMs), 'ms'),
  ];
}

/** Each phase with searches against the mean of its neighbours, so that a drift counts for both. */
function streamRows(rates: readonly number[]): readonly Row[] {
  const without = (index: number): number =>
    ((rates[index - 1] ?? Number.NaN) + (rates[index + 1] ?? Number.NaN)) / 2;
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

/**
 * What of a search's embedding exceeds that of an idle machine is waiting for a runner, or for a
 * core.
 */
function searchRows(
  name: string,
  { totalMs, embedMs, storeMs, failed }: SearchTimes,
  isHeld: boolean,
): readonly Row[] {
  // The gateway's event loop between posts, HTTP, and the program that searches.
  const elsewhereMs = totalMs.map(
    (total, index) => total - (embedMs[index] ?? Number.NaN) - (storeMs[index] ?? Number.NaN),
  );
  return [
    row(`${name}: search, p50`, p(50, totalMs), 'ms'),
    row(`${name}: search, p95`, p(95, totalMs), 'ms', isHeld ? lessThan(150) : null),
    row(`${name}: search, p99`, p(99, totalMs), 'ms'),
    row(`${name}: of it waiting for a runner and embedding, p50`, p(50, embedMs), 'ms'),
    row(`${name}: of it waiting for a runner and embedding, p95`, p(95, embedMs), 'ms'),
    row(`${name}: of it the store, p50`, p(50, storeMs), 'ms'),
    row(`${name}: of it the store, p95`, p(95, storeMs), 'ms'),
    row(`${name}: of it elsewhere (event loops, HTTP), p50`, p(50, elsewhereMs), 'ms'),
    row(`${name}: of it elsewhere (event loops, HTTP), p95`, p(95, elsewhereMs), 'ms'),
    row(`${name}: searches that failed`, failed, '', isHeld ? lessThan(1) : null),
  ];
}

/** A gateway with a stream and searches at once; no query comes twice. */
class Measured {
  readonly #context: BenchmarkContext;
  readonly #gateway: GatewayProcess;
  #queries = 0;

  constructor(context: BenchmarkContext, gateway: GatewayProcess) {
    this.#context = context;
    this.#gateway = gateway;
  }

  searches(what: string, seconds: number): Promise<SearchTimes> {
    const { say, signal } = this.#context;
    say(what);
    const from = this.#queries;
    this.#queries += Math.ceil(seconds * searchesPerSecond);
    return searchApart(
      { url: this.#gateway.client.url, from, perSecond: searchesPerSecond, seconds },
      signal,
    );
  }

  /** As fast as the gateway takes it, until it is disposed. */
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
      client,
      rate: null,
      clock: systemClock,
      stop: AbortSignal.any([signal, stop.signal]),
      abandon: signal,
      onProgress: () => undefined,
    });
    sending.catch((error: unknown) => failed.abort(error));
    const stored = async (): Promise<{ at: number; stored: number }> => ({
      stored: (await client.stats(signal)).events.stored,
      at: performance.now(),
    });
    return {
      /** Events stored per second meanwhile. */
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
