// Writes to a data folder as a gateway does, until it is killed. It reports to its parent what was
// acknowledged, and nothing else.

import { eventRecord, textRecord } from '../conformance/store-records.ts';
import { openFolder } from './embedded-harness.ts';

export type Acknowledged =
  | { readonly appended: readonly number[] }
  | { readonly stored: readonly number[] }
  | { readonly settled: number };

const [path = '', first = '0'] = process.argv.slice(2);
const encoder = new TextEncoder();
const batch = 20;
const report = (what: Acknowledged) => process.send?.(what);

const embedded = await openFolder(path, { partitions: 2 });
const { sink, store } = embedded;
const reader = await embedded.source('group', { commitMs: 1 });

/** Appended records are read, stored and settled, as in the pipeline: see `consume`. */
async function append(): Promise<never> {
  for (let n = Number(first); ; n += batch) {
    const numbers = Array.from({ length: batch }, (_, i) => n + i);
    await sink.append(
      numbers.map((number) => ({
        key: encoder.encode(`key-${number}`),
        value: encoder.encode(String(number)),
        headers: {},
        timestamp: 0,
      })),
    );
    report({ appended: numbers });
  }
}

async function consume(): Promise<void> {
  for await (const deliveries of reader.deliveries(new AbortController().signal)) {
    const numbers = deliveries.map(({ value }) => Number(new TextDecoder().decode(value)));
    await store.putTexts([...new Set(numbers.map((n) => n % 50))].map((n) => textRecord(n)));
    await store.putEvents(numbers.map((n) => eventRecord(n, { text: n % 50 })));
    report({ stored: numbers });
    for (const delivery of deliveries) delivery.settle({ status: 'stored' });
    report({ settled: numbers.length });
  }
}

await Promise.all([append(), consume()]);
