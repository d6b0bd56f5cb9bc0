// The reference of the store of runner blocks.

import type { RunnerBlock, RunnerBlockStore } from '#core/ports.ts';
import { assertBatch } from './contract-limits.ts';

const batchMax = 1_000;

export function createMemoryRunnerBlocks(): RunnerBlockStore {
  const blocks = new Map<string, RunnerBlock>();
  return {
    async put(added) {
      assertBatch(added, batchMax, 'blocks');
      for (const block of added) {
        const before = blocks.get(keyOf(block));
        if (before === undefined || before.at < block.at) blocks.set(keyOf(block), block);
      }
    },
    async since(at) {
      return [...blocks.values()].filter((block) => block.at >= at);
    },
    async remove(removed) {
      assertBatch(removed, batchMax, 'blocks');
      for (const block of removed) blocks.delete(keyOf(block));
    },
  };
}

const keyOf = ({ kind, subject }: Pick<RunnerBlock, 'kind' | 'subject'>): string =>
  `${kind} ${subject.by} ${subject.id}`;
