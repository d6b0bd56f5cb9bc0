// Measures whether the gateway's memory stays small and flat over a long stream.

import { at } from '#core/errors/assert.ts';
import { gatewayTarget } from '../cli/generator/send-events.ts';
import { startBenchGateway } from './bench-gateway.ts';
import { lessThan, row, type Benchmark } from './benchmark.ts';
import { secondHalf, slope } from './figures.ts';
import { sendAndWait } from './send-stream.ts';
import { events } from './streams.ts';

const count = 200_000;

export const memory: Benchmark = {
  name: 'memory',
  about:
    'Resident memory of the gateway process over 200,000 events of the stream zipf-1.1, sent as ' +
    'fast as it accepts them.',
  async run(context) {
    const { signal, say, isQuick } = context;
    const total = isQuick ? count / 10 : count;
    await using gateway = await startBenchGateway(context);
    const samples: { x: number; y: number }[] = [];
    say(`sending ${total} events`);
    await sendAndWait({
      end: 'stored',
      client: gateway.client,
      target: gatewayTarget(gateway.client),
      events: events('zipf-1.1', total, { seed: 3, rate: null }),
      rate: null,
      signal,
      onPoll: (stats) =>
        samples.push({ x: stats.events.stored / 100_000, y: stats.memory.rss_bytes / 1e6 }),
    });
    const peak = gateway.peakBytes();
    return [
      row(
        'most resident memory',
        peak === null ? Math.max(...samples.map(({ y }) => y)) : peak / 1e6,
        'MB',
        lessThan(450),
      ),
      row('at the start', at(samples, 0).y, 'MB'),
      row('at the end', at(samples, samples.length - 1).y, 'MB'),
      row(
        'growth over the second half',
        slope(secondHalf(samples)),
        'MB per 100,000 events',
        lessThan(10),
      ),
    ];
  },
};
