// Defines and checks the settings of a Kafka connection, without loading the client library.

import { UsageError } from '#core/errors/errors.ts';

export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/**
 * Bytes of a decompressed batch. A larger batch is refused, so that the content of a topic cannot
 * exhaust the memory.
 */
export const batchBytesMax = 256 * 2 ** 20;

/**
 * Which replicas have a record when it counts as written: all that are in sync, the leader, or
 * possibly none.
 */
export const acknowledgements = ['all', '1', '0'] as const;
export type Acknowledgement = (typeof acknowledgements)[number];

/** The part of pino's logger that is used here. */
export type KafkaLog = Readonly<
  Record<'trace' | 'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>
>;

const silent = (): void => undefined;
export const noKafkaLog: KafkaLog = {
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
};

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type Sasl = {
  readonly mechanism: (typeof saslMechanisms)[number];
  readonly username: string;
  readonly password: string;
};

export type KafkaConnection = {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** TLS, verified by the system's certificate authorities. */
  readonly ssl: boolean;
  readonly sasl: Sasl | null;
  readonly clientId: string;
  readonly log: KafkaLog;
};

/**
 * Reads `host:port,host:port`.
 *
 * @param setting the name of the setting, for the error
 * @throws UsageError
 */
export function parseBrokers(text: string, setting: string): readonly string[] {
  const brokers = text
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  const wrong = brokers.find((broker) => !isBroker(broker));
  if (brokers.length > 0 && wrong === undefined) return brokers;
  throw new UsageError(
    `${setting} is ${JSON.stringify(wrong ?? text)}; ` +
      'allowed: brokers as host:port, separated by commas.',
  );
}

export const isBroker = (text: string): boolean => {
  const port = /^(?:[\w.-]+|\[[\da-f:]+\]):(\d{1,5})$/i.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads how to connect from the environment variables that every program of VectorStream shares.
 *
 * @throws UsageError
 */
export function connectionFromEnvironment(
  brokers: readonly string[],
  env: Environment,
  log: KafkaLog,
): KafkaConnection {
  const {
    KAFKA_SSL: ssl,
    KAFKA_SASL_MECHANISM: requested,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = env;
  if (ssl && ssl !== 'true' && ssl !== 'false')
    throw new UsageError(`KAFKA_SSL is "${ssl}"; allowed: true or false.`);
  const mechanism = saslMechanisms.find((known) => known === requested);
  if (requested && requested !== 'none' && mechanism === undefined)
    throw new UsageError(
      `KAFKA_SASL_MECHANISM is "${requested}"; allowed: none, ${saslMechanisms.join(', ')}.`,
    );
  if (mechanism !== undefined && !(username && password))
    throw new UsageError(
      `KAFKA_SASL_MECHANISM is ${mechanism}, ` +
        'which needs both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.',
    );
  const sasl =
    mechanism !== undefined && username && password ? { mechanism, username, password } : null;
  return { brokers, ssl: ssl === 'true', sasl, clientId: 'vectorstream', log };
}
