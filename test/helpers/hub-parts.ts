// What a runner hub needs in tests: the blocks of runners on a store in memory, and a provenance
// log that records nothing.

import { createMemoryRunnerBlocks } from '#core/memory/memory-runner-blocks.ts';
import type { Clock, RunnerBlockStore } from '#core/ports.ts';
import type { ProvenanceLog } from '#core/trust/repair.ts';
import { RunnerBlocks } from '#core/trust/runner-blocks.ts';

/** Follows the store until `signal` aborts. */
export function runningBlocks(
  clock: Clock,
  signal: AbortSignal,
  store: RunnerBlockStore = createMemoryRunnerBlocks(),
): RunnerBlocks {
  const blocks = new RunnerBlocks({
    store,
    clock,
    backoff: { delayMs: 100, delayMsMax: 1_000 },
    onFailure: () => undefined,
  });
  void blocks.run(signal);
  return blocks;
}

/** Knows what the store holds, and learns no more of it. */
export function loadedBlocks(
  clock: Clock,
  store: RunnerBlockStore = createMemoryRunnerBlocks(),
): RunnerBlocks {
  const stop = new AbortController();
  const blocks = runningBlocks(clock, stop.signal, store);
  void blocks.loaded.then(() => stop.abort());
  return blocks;
}

export const noProvenanceLog: ProvenanceLog = {
  begin: () => Promise.resolve(),
  verified: () => undefined,
  end: () => undefined,
  distrust: () => undefined,
  reEmbed: () => undefined,
};
