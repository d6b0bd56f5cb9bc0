// Measures what a mapping adds to the cost of reading an event: the difference between an event of
// another system and one in VectorStream's event format.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseMapping } from '#core/mapping/mapping.ts';
import { type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import { type Benchmark, lessThan, row } from './benchmark.ts';
import { median } from './figures.ts';

const root = join(import.meta.dirname, '..');
const names = ['segment', 'segment-orders', 'ga4-bigquery', 'snowplow', 'shopify-orders'];
const eventsPerRound = 50_000;
const rounds = 5;
const facts = { topic: 'shop', key: null, headers: {}, timestamp: 0 };

export const mapping: Benchmark = {
  name: 'mapping',
  about: 'Microseconds of processor time that a ready-made mapping takes for an event.',
  async run({ signal, isQuick }) {
    const rows = [];
    for (const name of names) {
      const [mapper, records] = [mappingOf(name), recordsOf(name)];
      const micros: number[] = [];
      // Round 0 only warms up.
      for (let round = 0; round <= rounds; round += 1) {
        signal.throwIfAborted();
        const each = microsPerEvent(
          mapper,
          records,
          isQuick ? eventsPerRound / 10 : eventsPerRound,
        );
        if (round > 0) micros.push(each);
      }
      rows.push(row(name, median(micros), 'µs/event', lessThan(5)));
    }
    return rows;
  },
};

const mappingOf = (name: string): RecordMapping =>
  recordMapping(
    parseMapping(
      parse(readFileSync(join(root, `core/mapping/ready-made/${name}.yaml`), 'utf8')),
      name,
    ),
  );

const recordsOf = (name: string): readonly unknown[] =>
  readFileSync(join(root, `test/fixtures/mappings/${name}.ndjson`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

/**
 * The work of a mapping: it checks whether it is for the record, finds its items, and makes their
 * events.
 */
function microsPerEvent(mapper: RecordMapping, records: readonly unknown[], count: number): number {
  const before = process.threadCpuUsage();
  let events = 0;
  while (events < count) {
    for (const record of records) {
      if (mapper.unmet(record, facts) !== null) continue;
      const places = mapper.placesOf(record, Infinity) ?? [[]];
      if (typeof places === 'string') throw new Error(`A record of ${mapper.name} has ${places}`);
      for (const place of places) mapper.eventOf(mapper.itemAt(record, place), facts);
      events += places.length;
    }
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / events;
}
