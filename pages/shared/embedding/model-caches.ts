// Names the caches of model and runtime in Cache Storage, and empties those that are out of date.

const prefix = 'vectorstream-';

/** One cache for each revision of a model. */
const modelCache = (revision: string): string => `${prefix}model-${revision}`;
export const runtimeCache = `${prefix}runtime`;

/** The cache of a file: of its revision for a file of a model, else that of the runtime. */
export function cacheOf(address: string): string {
  const [, revision] = /\/models\/([0-9a-f]{64})\//.exec(address) ?? [];
  return revision === undefined ? runtimeCache : modelCache(revision);
}

export async function forgetModel(revision: string): Promise<void> {
  await forget((name) => name === modelCache(revision));
}

/** Deletes the caches of all models but this one. */
export async function forgetOtherModels(revision: string): Promise<void> {
  await forget((name) => name.startsWith(modelCache('')) && name !== modelCache(revision));
}

/** Deletes everything, so that a damaged file is downloaded again. */
export async function forgetCachedModels(): Promise<void> {
  await forget((name) => name.startsWith(prefix));
}

/**
 * Deletes old caches. Where a browser refuses storage, as in some private windows, there is nothing
 * to delete.
 */
async function forget(isOld: (name: string) => boolean): Promise<void> {
  try {
    for (const name of await caches.keys()) if (isOld(name)) await caches.delete(name);
  } catch {
    // Everything works without a cache: the next visit downloads again.
  }
}
