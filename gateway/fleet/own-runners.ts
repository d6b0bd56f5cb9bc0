// Starts the gateway's own runners with what they need, and without the secrets that they do not.

import { join } from 'node:path';
import type { Clock } from '#core/ports.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { startLocalRunners, type LocalRunners } from './own-runners-process.ts';

export type OwnRunnersOptions = {
  readonly count: number | 'auto';
  /** The gateway's, handed on without its secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly token: string;
  /** The gateway's address for runners: `http:` or `https:`. */
  readonly url: string;
  /** A folder, or the id of a model on Hugging Face. */
  readonly model: string;
  /** Absolute. */
  readonly dataDir: string;
  /** They keep the level of the start. */
  readonly logging: Pick<Config['logging'], 'format' | 'level'>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Variables that runners do not need. */
const withheld: readonly string[] = [
  'VECTORSTREAM_API_KEY',
  'VECTORSTREAM_API_KEYS',
  'VECTORSTREAM_TLS_KEY',
  'QDRANT_API_KEY',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
];

export function startOwnRunners({
  count,
  environment,
  token,
  url,
  model,
  dataDir,
  logging: { format, level },
  clock,
  log,
}: OwnRunnersOptions): LocalRunners {
  const given = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !withheld.includes(entry[0]),
  );
  return startLocalRunners({
    script: join(import.meta.dirname, '../..', 'node-runner/main.ts'),
    args: ['--runners', String(count)],
    environment: {
      ...Object.fromEntries(given),
      VECTORSTREAM_GATEWAY_URL: url.replace(/^http/, 'ws'),
      VECTORSTREAM_RUNNER_TOKEN: token,
      VECTORSTREAM_MODEL: model,
      VECTORSTREAM_DATA_DIR: dataDir,
      LOG_LEVEL: level,
      // Empty: the format that suits the runner's own terminal.
      LOG_FORMAT: format === 'auto' ? '' : format,
    },
    clock,
    log,
  });
}
