// The values of all settings, as the parts of the gateway read them.

import { settings, type ConfigSchema } from './all-sections.ts';
import type { Key } from './setting-types.ts';

type ValueOf<K> = K extends Key<infer T> ? T : never;

export type Config = {
  readonly [S in keyof ConfigSchema]: {
    readonly [K in keyof ConfigSchema[S]]: ValueOf<ConfigSchema[S][K]>;
  };
};

/**
 * A view: each member calls `valueAt` whenever it is read.
 *
 * @param valueAt the checked value of a setting by its path, `section.name`.
 */
export function configView(valueAt: (path: string) => unknown): Config {
  const view: Record<string, object> = {};
  for (const { section, name, path } of settings) {
    Object.defineProperty((view[section] ??= {}), name, {
      enumerable: true,
      get: () => valueAt(path),
    });
  }
  // It has every key of the schema, and each value has passed the check of its key.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return view as Config;
}

/** `auto` resolved: Kafka if its brokers are set. */
export function sourceKind({ ingest, kafka }: Config): 'embedded' | 'kafka' {
  if (ingest.source !== 'auto') return ingest.source;
  return kafka.brokers === null ? 'embedded' : 'kafka';
}

/** `auto` resolved: Qdrant if its address is set. */
export function storeKind({ store, qdrant }: Config): 'embedded' | 'qdrant' {
  if (store.kind !== 'auto') return store.kind;
  return qdrant.url === null ? 'embedded' : 'qdrant';
}

/** Whether a setting has a value: an empty list is none. */
export function isSet(value: unknown): boolean {
  return value !== null && !(Array.isArray(value) && value.length === 0);
}
