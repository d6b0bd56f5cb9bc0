// Opens data folders for tests, each in its own temporary directory, and removes them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IndexIdentity } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import {
  type Embedded,
  type EmbeddedOptions,
  openEmbedded,
} from '../../gateway/embedded/open-embedded.ts';
import type { MakeStore } from '../conformance/vector-store.ts';

export const identity: IndexIdentity = {
  modelId: 'test-model',
  modelRevision: 'r1',
  dimensions: 8,
  templateHash: 't1',
};

export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vectorstream-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** When a worker dies, it rejects its calls, which fails the test. */
export function openFolder(
  dataDir: string,
  options: Partial<EmbeddedOptions> = {},
): Promise<Embedded> {
  return openEmbedded({
    dataDir,
    identity,
    topic: 'events',
    clock: systemClock,
    onWorkerExit: () => {},
    ...options,
  });
}

/** One folder, opened when it is first needed, and again after a crash. */
export async function reopening(options: Partial<EmbeddedOptions> = {}) {
  const folder = await temporaryFolder();
  let embedded: Embedded | null = null;
  return {
    path: folder.path,
    get: async (): Promise<Embedded> => (embedded ??= await openFolder(folder.path, options)),
    async crash(): Promise<void> {
      await embedded?.kill();
      embedded = null;
    },
    async close(): Promise<void> {
      await embedded?.[Symbol.asyncDispose]();
      embedded = null;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await this.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Makes a store for a conformance suite, in a data folder of its own. */
export const embeddedStoreMaker =
  (searchPlan: SearchPlan): MakeStore =>
  async ({ dimensions, clock }) => {
    const folder = await reopening({ searchPlan, clock, identity: { ...identity, dimensions } });
    return {
      store: (await folder.get()).store,
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  };
