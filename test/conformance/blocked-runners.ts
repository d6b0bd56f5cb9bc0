// What every store guarantees about the runners that may not join.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { RunnerBlock, RunnerBlockStore } from '#core/ports.ts';
import { dimensions, noon } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const blockOf = (id: string, changes: Partial<RunnerBlock> = {}): RunnerBlock => ({
  kind: 'quarantine',
  subject: { by: 'token', id },
  reason: 'vectors are wrong: “quoted” and \u{1F44D}',
  at: noon,
  until: noon + 60_000,
  times: 1,
  ...changes,
});

export function runnerBlockStoreConformance(name: string, makeStore: MakeStore): void {
  describe(`runner blocks: ${name}`, () => {
    let harness: StoreHarness;
    let blocks: RunnerBlockStore;
    beforeEach(async () => {
      harness = await makeStore({ dimensions, clock: new ManualClock(noon) });
      blocks = harness.store.runnerBlockStore;
    });
    afterEach(() => harness[Symbol.asyncDispose]());

    const since = (at = 0): Promise<readonly RunnerBlock[]> => blocks.since(at);

    it('are kept as they were written, each kind and subject apart', async () => {
      const all = [
        blockOf('one', { subject: { by: 'address', id: 'one' } }),
        blockOf('one'),
        blockOf('one', { kind: 'revocation' }),
        blockOf('two'),
      ];
      await blocks.put(all);
      await blocks.put([]);
      expect(await since()).toHaveLength(4);
      expect(await since()).toEqual(expect.arrayContaining(all));
    });

    it('the one that was written later stays, in whichever order they come', async () => {
      await blocks.put([blockOf('one', { at: noon + 5, times: 2 })]);
      await blocks.put([blockOf('one', { at: noon + 4, times: 1 })]);
      expect(await since()).toMatchObject([{ times: 2 }]);
      await blocks.put([blockOf('one', { at: noon + 6, times: 0, until: noon + 6 })]);
      expect(await since()).toMatchObject([{ times: 0, until: noon + 6 }]);
    });

    it('are read from a time on', async () => {
      await blocks.put([blockOf('one'), blockOf('two', { at: noon + 7 })]);
      expect(await since(noon + 1)).toMatchObject([{ subject: { id: 'two' } }]);
      expect(await since(noon + 8)).toEqual([]);
    });

    it('that are removed are gone, and unknown ones are ignored', async () => {
      await blocks.put([blockOf('one'), blockOf('one', { kind: 'revocation' })]);
      await blocks.remove([blockOf('one'), blockOf('never')]);
      await blocks.remove([]);
      expect(await since()).toMatchObject([{ kind: 'revocation' }]);
    });
  });
}
