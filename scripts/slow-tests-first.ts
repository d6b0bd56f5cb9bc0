// Starts the slowest test files first, so that none of them runs alone at the end. A fresh clone
// has no durations of an earlier run to sort by.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take over ten seconds, the slowest first. */
const slowest = [
  'test/adapters/kafka.test.ts',
  'test/browser/runner-page.test.ts',
  'test/adapters/embedded.test.ts',
  'test/guarantees/untrusted-runners.test.ts',
  'test/runner/processes.test.ts',
  'test/docs/curl.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/adapters/embedded-folder.test.ts',
  'test/guarantees/older-data.test.ts',
  'test/guarantees/starting.test.ts',
  'test/runner/download-model.test.ts',
  'test/adapters/qdrant-conformance.test.ts',
  'test/guarantees/simulation.test.ts',
  'test/browser/docs.test.ts',
  'test/e2e/demo-end-to-end.test.ts',
  'test/guarantees/mixed-faults.test.ts',
];

export class SlowTestsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's method, not an array's
    const sorted = await super.sort(files);
    // A stable sort: the others keep their order.
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const index = slowest.findIndex((name) => moduleId.endsWith(name));
  return index === -1 ? slowest.length : index;
}
