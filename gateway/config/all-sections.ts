// Every section of the settings, in one table. Each setting's default, bound and meaning, and the
// names by which file, environment and flags set it, are in settings/.

import type { Key } from './setting-types.ts';
import { auditSection } from './settings/audit-section.ts';
import { embeddingsSection } from './settings/embeddings-section.ts';
import { eventsSection } from './settings/events-section.ts';
import { gatewaySection } from './settings/gateway-section.ts';
import { ingestSection } from './settings/ingest-section.ts';
import { kafkaSection } from './settings/kafka-section.ts';
import { liveSection } from './settings/live-section.ts';
import { loggingSection } from './settings/logging-section.ts';
import { pipelineSection } from './settings/pipeline-section.ts';
import { qdrantSection } from './settings/qdrant-section.ts';
import { ratesSection } from './settings/rates-section.ts';
import { recommendationsSection } from './settings/recommendations-section.ts';
import { retriesSection } from './settings/retries-section.ts';
import { runnersSection } from './settings/runners-section.ts';
import { schemaRegistrySection } from './settings/schema-registry-section.ts';
import { searchSection } from './settings/search-section.ts';
import { serverSection } from './settings/server-section.ts';
import { sinkSection } from './settings/sink-section.ts';
import { storeSection } from './settings/store-section.ts';

/** The sections in the order of the settings file. */
export const configSchema = {
  gateway: gatewaySection,
  server: serverSection,
  rates: ratesSection,
  ingest: ingestSection,
  events: eventsSection,
  pipeline: pipelineSection,
  retries: retriesSection,
  store: storeSection,
  kafka: kafkaSection,
  sink: sinkSection,
  schemaRegistry: schemaRegistrySection,
  qdrant: qdrantSection,
  runners: runnersSection,
  audit: auditSection,
  search: searchSection,
  recommendations: recommendationsSection,
  embeddings: embeddingsSection,
  live: liveSection,
  logging: loggingSection,
} as const;

export type ConfigSchema = typeof configSchema;

/** Variables with the prefix `VECTORSTREAM_` that only other programs of VectorStream read. */
export const foreignVariables: readonly string[] = [
  'VECTORSTREAM_GATEWAY_URL',
  'VECTORSTREAM_RUNNER_DEVICE',
  'VECTORSTREAM_RUNNER_DTYPE',
  'VECTORSTREAM_RUNNER_SPEEDUP_MIN',
  'VECTORSTREAM_RUNNER_THREADS',
  'VECTORSTREAM_TEST_REPORT',
];

const upperSnake = (name: string): string =>
  name.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase();
const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);

export type Setting = {
  readonly section: string;
  readonly name: string;
  /** The name in the settings file: `section.name`. */
  readonly path: string;
  readonly variable: string;
  /** The flag without dashes; `null` for a secret. */
  readonly flag: string | null;
  readonly key: Key<unknown>;
};

/** The table, one row per setting, in the order of the settings file. */
export const settings: readonly Setting[] = Object.entries(configSchema).flatMap(
  ([section, keys]) =>
    Object.entries(keys).map(([name, key]: [string, Key<unknown>]) => ({
      section,
      name,
      path: `${section}.${name}`,
      key,
      variable: key.env ?? `VECTORSTREAM_${upperSnake(section)}_${upperSnake(name)}`,
      flag: key.secret ? null : (key.flag ?? `${section}-${kebab(name)}`),
    })),
);
