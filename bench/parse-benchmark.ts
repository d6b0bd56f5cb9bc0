// Measures how fast events are parsed and turned into texts: the work of the gateway's main thread
// for every event.

import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import type { ProductEvent } from '#core/ports.ts';
import { row, type Benchmark } from './benchmark.ts';
import { median } from './figures.ts';
import { events } from './streams.ts';

const count = 20_000;
const rounds = 5;

export const parse: Benchmark = {
  name: 'parse',
  about: 'Events per second of the event parser and of the text template, on one core.',
  async run({ signal, isQuick }) {
    const lines = Array.from(
      events('zipf-1.1', isQuick ? count / 10 : count, { seed: 4, rate: null }),
      ({ line }) => line,
    );
    const parsing: number[] = [];
    const documents: number[] = [];
    // Round 0 only warms up.
    for (let round = 0; round <= rounds; round += 1) {
      signal.throwIfAborted();
      const [parsed, parseSeconds] = timed(() => lines.map(parseValid));
      const [, documentSeconds] = timed(() => parsed.map(documentOf));
      if (round > 0) parsing.push(lines.length / parseSeconds);
      if (round > 0) documents.push(lines.length / documentSeconds);
    }
    return [
      row('parseEvent', median(parsing), 'events/s'),
      row('documentOf (text and id)', median(documents), 'events/s'),
    ];
  },
};

function parseValid(line: Uint8Array): ProductEvent {
  const parsed = parseEvent(line, Date.now());
  if (isRejection(parsed))
    throw new Error(`The generator made an invalid event: ${parsed.message}`);
  return parsed;
}

function timed<T>(work: () => T): [T, number] {
  const startedAt = performance.now();
  const result = work();
  return [result, (performance.now() - startedAt) / 1000];
}
