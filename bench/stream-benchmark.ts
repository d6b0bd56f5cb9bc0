// Measures how many events per second become searchable, from the generator to the store, and the
// latency at a moderate rate.

import { join } from 'node:path';
import { gatewayTarget } from '../cli/generator/send-events.ts';
import { startBenchGateway } from './bench-gateway.ts';
import { atLeast, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { sendAndWait } from './send-stream.ts';
import { events } from './streams.ts';

const burstCount = 100_000;
const pacedRate = 1_000;
const pacedSeconds = 20;

export const stream: Benchmark = {
  name: 'stream',
  about:
    'Events of the stream zipf-1.1 from the generator to the store: 100,000 in a burst, as many ' +
    'of the same texts, then 1,000 per second.',
  async run(context) {
    return [...(await burst(context)), ...(await paced(context))];
  },
};

async function burst(context: BenchmarkContext): Promise<readonly Row[]> {
  const { signal, say, isQuick } = context;
  const count = isQuick ? burstCount / 10 : burstCount;
  await using gateway = await startBenchGateway({
    ...context,
    folder: join(context.folder, 'burst'),
  });
  const cpuBefore = await gateway.cpuSeconds();
  say(`sending ${count} events as fast as the gateway accepts them`);
  const send = () =>
    sendAndWait({
      end: 'stored',
      client: gateway.client,
      target: gatewayTarget(gateway.client),
      events: events('zipf-1.1', count, { seed: 1, rate: null }),
      rate: null,
      signal,
      onPoll: () => undefined,
    });
  const { seconds, sentSeconds, stats } = await send();
  const cpuBetween = await gateway.cpuSeconds();
  say(`sending ${count} events of the same texts`);
  const known = await send();
  const cpuAfter = await gateway.cpuSeconds();
  const microsPerEvent = (cpuSeconds: number): number => (cpuSeconds / count) * 1e6;
  const { texts, latency_ms: latency } = stats;
  return [
    row('burst: events stored', count / seconds, 'events/s', atLeast(3_000)),
    row('burst: events accepted, while others are processed', count / sentSeconds, 'events/s'),
    row(
      'burst: processor time of the gateway, all threads',
      microsPerEvent(cpuBetween - cpuBefore),
      'µs/event',
    ),
    row('burst: texts embedded', texts.embedded / seconds, 'texts/s'),
    row('burst: events per text embedded', count / texts.embedded, ''),
    row('burst: from accepted to searchable, p50', latency.p50, 'ms'),
    row('burst: from accepted to searchable, p99', latency.p99, 'ms'),
    row('known texts: events stored', count / known.seconds, 'events/s'),
    row(
      'known texts: processor time of the gateway',
      microsPerEvent(cpuAfter - cpuBetween),
      'µs/event',
    ),
  ];
}

/** Measures latency, which a burst cannot: there, events spend most of the time in the queue. */
async function paced(context: BenchmarkContext): Promise<readonly Row[]> {
  const { signal, say, isQuick } = context;
  const count = pacedRate * (isQuick ? pacedSeconds / 4 : pacedSeconds);
  await using gateway = await startBenchGateway({
    ...context,
    folder: join(context.folder, 'paced'),
  });
  say(`sending ${pacedRate} events per second`);
  const {
    stats: { latency_ms: latency },
  } = await sendAndWait({
    end: 'stored',
    client: gateway.client,
    target: gatewayTarget(gateway.client),
    events: events('zipf-1.1', count, { seed: 2, rate: pacedRate }),
    rate: pacedRate,
    signal,
    onPoll: () => undefined,
  });
  return [
    row(`${pacedRate} per second: from accepted to searchable, p50`, latency.p50, 'ms'),
    row(`${pacedRate} per second: from accepted to searchable, p95`, latency.p95, 'ms'),
    row(`${pacedRate} per second: from accepted to searchable, p99`, latency.p99, 'ms'),
  ];
}
