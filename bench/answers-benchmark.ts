// Measures how soon a shop gets its answers, recommendations and searches, while events arrive.

import { at } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import type { GeneratedEvent } from '../cli/generator/event-stream.ts';
import { gatewayTarget, sendEvents } from '../cli/generator/send-events.ts';
import { type BenchGateway, startBenchGateway } from './bench-gateway.ts';
import { lessThan, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { quantile } from './figures.ts';
import { askInOwnProcess } from './questions.ts';
import { queryAt } from './searcher.ts';
import { sendAndWait } from './send-stream.ts';
import { events } from './streams.ts';

const storedEvents = 430_000;
const streamRate = 500;
const perSecond = 10;
const phaseSeconds = 30;
const limit = 20;
/** Basket products of one question. */
const basketSize = 3;

export const answers: Benchmark = {
  name: 'answers',
  about:
    `Recommendations and hybrid searches, ${perSecond} per second, over ` +
    `${storedEvents.toLocaleString('en-US')} stored events, while ${streamRate} events per ` +
    'second arrive.',
  async run(context) {
    const { signal, say, isQuick } = context;
    const count = isQuick ? storedEvents / 10 : storedEvents;
    const seconds = isQuick ? phaseSeconds / 3 : phaseSeconds;
    await using gateway = await startBenchGateway(context);
    const questions = perSecond * seconds;
    const seen = new SeenVisitors(Math.floor(count / questions));
    say(`filling the store with ${count} events`);
    await sendAndWait({
      end: 'stored',
      client: gateway.client,
      target: gatewayTarget(gateway.client),
      events: seen.noting(events('zipf-1.1', count, { seed: 1, rate: null })),
      rate: null,
      signal,
      onPoll: () => undefined,
    });

    await using _ = streamBeside(context, gateway, seconds);
    const idle = await cpuDuring(gateway, async () => {
      say('the stream alone');
      await systemClock.sleep(seconds * 1000, signal);
    });
    const rows: Row[] = [
      row('processor time of the gateway for the stream alone', idle.cpu / idle.seconds, 'cores'),
    ];
    for (const [name, path, bodyOf, msMax] of kinds) {
      say(name);
      const bodies = [...Array(questions).keys()].map((index) => bodyOf(index, seen));
      const asked = await cpuDuring(gateway, () =>
        askInOwnProcess({ url: gateway.url, path, bodies, perSecond }, signal),
      );
      const { ms, found, failed } = asked.result;
      const cpu = asked.cpu - (idle.cpu / idle.seconds) * asked.seconds;
      rows.push(
        row(`${name}: p50`, quantile(ms, 0.5), 'ms'),
        row(`${name}: p95`, quantile(ms, 0.95), 'ms', lessThan(msMax)),
        row(`${name}: processor time of the gateway`, (cpu / questions) * 1000, 'ms'),
        row(`${name}: found`, found / questions, ''),
        row(`${name}: failed`, failed, '', lessThan(1)),
      );
    }
    return rows;
  },
};

type Kind = readonly [
  name: string,
  path: string,
  bodyOf: (index: number, seen: SeenVisitors) => unknown,
  msMax: number,
];

const kinds: readonly Kind[] = [
  [
    'for a basket',
    '/recommendations',
    (index, { productIds }) => ({ product_ids: basketAt(productIds, index), limit }),
    30,
  ],
  [
    'for a session',
    '/recommendations',
    (index, { sessionIds }) => ({ session_id: at(sessionIds, index % sessionIds.length), limit }),
    30,
  ],
  [
    'for a user',
    '/recommendations',
    (index, { userIds }) => ({ user_id: at(userIds, index % userIds.length), limit }),
    30,
  ],
  ['hybrid search', '/search', (index) => ({ query: queryAt(index), limit }), 60],
];

const basketAt = (ids: readonly string[], index: number): readonly string[] => [
  ...new Set(Array.from({ length: basketSize }, (_, n) => at(ids, (index + n) % ids.length))),
];

/** Keeps who occurs in every so manyth event: who is active often is also asked about often. */
class SeenVisitors {
  readonly productIds: string[] = [];
  readonly sessionIds: string[] = [];
  readonly userIds: string[] = [];
  readonly #every: number;

  constructor(every: number) {
    this.#every = every;
  }

  *noting(stream: Iterable<GeneratedEvent>): Generator<GeneratedEvent> {
    let index = 0;
    for (const event of stream) {
      if (index++ % this.#every === 0) {
        const { product, session_id, user_id }: Shown = JSON.parse(
          Buffer.from(event.line).toString(),
        );
        if (product) this.productIds.push(product.id);
        this.sessionIds.push(session_id);
        this.userIds.push(user_id);
      }
      yield event;
    }
  }
}

type Shown = {
  readonly product?: { readonly id: string } | null;
  readonly session_id: string;
  readonly user_id: string;
};

/** New events about the same products, until disposed. */
function streamBeside(
  { signal }: BenchmarkContext,
  { client }: BenchGateway,
  phase: number,
): AsyncDisposable {
  const stop = new AbortController();
  const count = streamRate * phase * (kinds.length + 1) * 4;
  const sending = sendEvents({
    events: events('zipf-1.1', count, { seed: 1, rate: streamRate }),
    target: gatewayTarget(client),
    rate: streamRate,
    clock: systemClock,
    stop: AbortSignal.any([signal, stop.signal]),
    abandon: signal,
    onProgress: () => undefined,
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await sending;
    },
  };
}

type Measured<T> = { readonly result: T; readonly cpu: number; readonly seconds: number };

async function cpuDuring<T>(gateway: BenchGateway, work: () => Promise<T>): Promise<Measured<T>> {
  const [before, startedAt] = [await gateway.cpuSeconds(), performance.now()];
  const result = await work();
  return {
    result,
    cpu: (await gateway.cpuSeconds()) - before,
    seconds: (performance.now() - startedAt) / 1000,
  };
}
