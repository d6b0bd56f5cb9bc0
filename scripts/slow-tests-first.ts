// Starts the slowest test files first, so that none of them runs alone at the end. A fresh clone
// has no durations of an earlier run to sort by.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Long tests of over a minute, and short ones of over ten seconds, the slowest first. */
const slowest = [
  'test/guarantees/gateway-fleet.long.test.ts',
  'test/e2e/kafka.long.test.ts',
  'test/e2e/demo.long.test.ts',
  'test/guarantees/stopping-processes.long.test.ts',
  'test/guarantees/runner-killed.long.test.ts',
  'test/browser-runner/failures.long.test.ts',
  'test/guarantees/hostile-fleet.long.test.ts',
  'test/runner/webgpu.long.test.ts',
  'test/e2e/dead-letters.long.test.ts',
  'test/gateway/schemathesis.long.test.ts',
  'test/browser/runner-page-webgpu.long.test.ts',
  'test/browser/tab-killed.long.test.ts',
  'test/adapters/kafka-outage.long.test.ts',
  'test/guarantees/gateway-killed.long.test.ts',
  'test/e2e/search-languages.long.test.ts',
  'test/runner/agreement.long.test.ts',
  'test/browser/demo-page.long.test.ts',
  'test/guarantees/rolling-upgrade.long.test.ts',
  'test/e2e/kafka-security.long.test.ts',
  'test/e2e/demo-end-to-end.test.ts',
  'test/adapters/embedded.test.ts',
  'test/browser/docs.test.ts',
  'test/cli/demo-command.test.ts',
  'test/fuzz/fuzz.test.ts',
  'test/adapters/embedded-folder.test.ts',
  'test/browser/built-pages.test.ts',
  'test/guarantees/older-data.test.ts',
  'test/docs/curl.test.ts',
  'test/guarantees/starting.test.ts',
  'test/runner/embedder.test.ts',
  'test/adapters/qdrant-conformance.test.ts',
  'test/gateway/security-server.test.ts',
  'test/guarantees/stopping.test.ts',
  'test/runner/processes.test.ts',
  'test/guarantees/untrusted-runners.test.ts',
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
