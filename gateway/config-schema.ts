// Every setting of the gateway in one table: default, bound, meaning, and the names by which file, environment and flags set it.
import { eventLimits } from '#core/event.ts';
import { defaultPipelineLimits } from '#core/pipeline.ts';
import { compressions, saslMechanisms } from '../kafka/settings.ts';
import { brokerList, httpUrl, integer, integerOrAuto, oneOf, secret, text, topicName, yesOrNo, type Key } from './config-keys.ts';
import { embeddedDefaults } from './embedded/open.ts';

const minute = 60_000;
const hour = 60 * minute;
const mebibyte = 2 ** 20;

export const configSchema = {
  gateway: {
    host: text({ default: '127.0.0.1', env: 'VECTORSTREAM_HOST', flag: 'host', help: 'Address to listen on. Any but a loopback address needs gateway.apiKey and runners.token.' }),
    port: integer({ default: 8080, min: 0, max: 65_535, env: 'VECTORSTREAM_PORT', flag: 'port', help: 'Port to listen on; 0 takes a free one.' }),
    dataDir: text({ default: '.vectorstream', env: 'VECTORSTREAM_DATA_DIR', flag: 'data-dir', help: 'Folder of the embedded log and store, and of the generated runner token.' }),
    apiKey: secret({ env: 'VECTORSTREAM_API_KEY', help: 'Key that every HTTP client must send, as Authorization: Bearer or X-API-Key. None is asked for when absent.' }),
    shutdownMsMax: integer({ default: 4000, min: 500, max: 60_000, help: 'How long a stop may take, milliseconds, before what is left is abandoned (it comes again after the next start).' }),
  },
  ingest: {
    source: oneOf(['auto', 'embedded', 'kafka'], { default: 'auto', env: 'VECTORSTREAM_SOURCE', flag: 'source', help: 'Where events come from: the durable log in the data folder, or Kafka. auto is kafka when kafka.brokers is set.' }),
    bodyBytesMax: integer({ default: 16 * mebibyte, min: 1024, max: 256 * mebibyte, help: 'Largest request body, bytes.' }),
    eventsPerRequestMax: integer({ default: 5000, min: 1, max: 100_000, help: 'Most events in one POST /events.' }),
    eventBytesMax: integer({ default: eventLimits.bytesMax, min: 1024, max: mebibyte, help: 'Largest event, bytes; a larger one is invalid.' }),
    redrivesMax: integer({ default: 3, min: 1, max: 1000, help: 'How often an event may be put back from the dead letters into the source, before that must be forced.' }),
    partitions: integer({ default: embeddedDefaults.partitions, min: 1, max: 64, help: 'Partitions of a new log; an existing one never gets fewer.' }),
    unreadBytesMax: integer({ default: embeddedDefaults.log.unreadBytesMax, min: mebibyte, max: 2 ** 40, help: 'Bytes of events that may wait in the log; beyond that POST /events answers 429.' }),
    logBytesMax: integer({ default: embeddedDefaults.log.retentionBytes, min: 0, max: 2 ** 40, help: 'Bytes of processed events that the log keeps.' }),
    logHoursMax: integer({ default: embeddedDefaults.log.retentionMs / hour, min: 1, max: 87_600, help: 'Hours that the log keeps a processed event.' }),
  },
  pipeline: {
    unsettledMax: integer({ default: defaultPipelineLimits.unsettledMax, min: 1, max: 1_000_000, help: 'Most events in hand at once.' }),
    unsettledBytesMax: integer({ default: defaultPipelineLimits.unsettledBytesMax, min: mebibyte, max: 4096 * mebibyte, help: 'Most bytes of events in hand at once.' }),
    batchAgeMsMax: integer({ default: defaultPipelineLimits.batchAgeMsMax, min: 0, max: 10_000, help: 'How long a write waits for company, milliseconds.' }),
    writesInFlightMax: integer({ default: defaultPipelineLimits.writesInFlightMax, min: 1, max: 64, help: 'Write calls to the store at once.' }),
    knownTextsMax: integer({ default: defaultPipelineLimits.knownTextsMax, min: 0, max: 10_000_000, help: 'Ids of stored texts kept in memory.' }),
  },
  store: {
    kind: oneOf(['auto', 'embedded', 'qdrant'], { default: 'auto', env: 'VECTORSTREAM_STORE', flag: 'store', help: 'Where vectors and events are kept: SQLite in the data folder, or Qdrant. auto is qdrant when qdrant.url is set.' }),
    retentionDays: integer({ default: 3650, min: 1, max: 36_500, help: 'Events are forgotten so many days after they were taken in.' }),
    sweepMinutes: integer({ default: 10, min: 1, max: 1440, help: 'Minutes between two sweeps that forget old events and texts without events.' }),
  },
  kafka: {
    brokers: brokerList({ env: 'KAFKA_BROKERS', flag: 'kafka-brokers', help: 'Brokers to start from.' }),
    topic: topicName({ default: 'ecommerce-events', env: 'KAFKA_TOPIC', flag: 'kafka-topic', help: 'Topic of the events.' }),
    groupId: text({ default: 'vectorstream', env: 'KAFKA_GROUP_ID', flag: 'kafka-group-id', help: 'Consumer group, whose gateways share the partitions. With the embedded store it has one member.' }),
    dlqTopic: topicName({ default: null, env: 'KAFKA_DLQ_TOPIC', flag: 'kafka-dlq-topic', help: 'Topic of the dead letters; their states are in another one, named with .state at its end. Without it, the topic with .dlq at its end.' }),
    createTopics: yesOrNo({ default: true, help: 'Make topics that are missing.' }),
    partitions: integer({ default: 12, min: 1, max: 10_000, help: 'Partitions of topics that are made.' }),
    compression: oneOf(compressions, { default: 'none', help: 'Of the events that POST /events writes, and of dead letters. All of them can be read.' }),
    ssl: yesOrNo({ default: false, env: 'KAFKA_SSL', help: 'Connect by TLS, trusting the authorities of the system and of NODE_EXTRA_CA_CERTS.' }),
    saslMechanism: oneOf(['none', ...saslMechanisms], { default: 'none', env: 'KAFKA_SASL_MECHANISM', help: 'How to log in.' }),
    saslUsername: secret({ env: 'KAFKA_SASL_USERNAME', help: 'User to log in.' }),
    saslPassword: secret({ env: 'KAFKA_SASL_PASSWORD', help: 'Password to log in.' }),
  },
  qdrant: {
    url: httpUrl({ env: 'QDRANT_URL', flag: 'qdrant-url', help: 'Address of Qdrant; without a port it is 6333.' }),
    apiKey: secret({ env: 'QDRANT_API_KEY', help: 'Key that Qdrant asks for.' }),
    collection: text({ default: 'ecommerce_embeddings', env: 'QDRANT_COLLECTION', help: 'Collection or alias of the texts with their vectors. Made when missing.' }),
    eventsCollection: text({ default: 'ecommerce_events', env: 'QDRANT_EVENTS_COLLECTION', help: 'Collection or alias of the events, which have no vectors. Made when missing.' }),
    timeoutMs: integer({ default: 10_000, min: 100, max: 10 * minute, help: 'Longest time that Qdrant may take for an answer, milliseconds, before the request is cancelled and repeated.' }),
    vectorsOnDisk: yesOrNo({ default: false, help: 'A new collection reads its vectors from disk instead of holding them in memory.' }),
    quantisation: oneOf(['none', 'scalar', 'binary'], { default: 'none', help: 'A new collection is searched by smaller copies of its vectors first: 8 bits (scalar) or 1 bit (binary) per number.' }),
    shards: integer({ default: 1, min: 1, max: 1024, help: 'Shards of a new collection.' }),
    replicas: integer({ default: 1, min: 1, max: 64, help: 'Copies of each shard of a new collection.' }),
  },
  runners: {
    model: text({ default: 'models/all-MiniLM-L6-v2', env: 'VECTORSTREAM_MODEL', flag: 'model', help: 'Folder of the embedding model with its manifest.json, or the id of a model on Hugging Face, such as Xenova/bge-small-en-v1.5.' }),
    count: integerOrAuto({ default: 'auto', min: 0, max: 256, env: 'VECTORSTREAM_RUNNERS', flag: 'runners', help: 'Node runners that the gateway starts and supervises itself; 0 for none.' }),
    token: secret({ env: 'VECTORSTREAM_RUNNER_TOKEN', help: 'Token with which runners join. On a loopback host one is made in the data folder when absent.' }),
    fleetMax: integer({ default: 256, min: 1, max: 10_000, help: 'Most runners connected at once.' }),
  },
  search: {
    waitMsMax: integer({ default: 2000, min: 10, max: minute, help: 'How long a search waits for a runner to embed its query, milliseconds, before it answers 503.' }),
    queryCacheMax: integer({ default: 1000, min: 0, max: 100_000, help: 'Query vectors kept in memory.' }),
  },
  embeddings: {
    waitMsMax: integer({ default: 30_000, min: 100, max: 10 * minute, help: 'How long POST /v1/embeddings may take, milliseconds, before it answers 503.' }),
  },
  logging: {
    level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info', env: 'LOG_LEVEL', flag: 'log-level', help: 'Least severity that is logged.' }),
    format: oneOf(['auto', 'pretty', 'json'], { default: 'auto', env: 'LOG_FORMAT', flag: 'log-format', help: 'auto is pretty on a terminal, else json.' }),
  },
} as const;

export type ConfigSchema = typeof configSchema;
type ValueOf<K> = K extends Key<infer T> ? T : never;
export type Config = { readonly [S in keyof ConfigSchema]: { readonly [K in keyof ConfigSchema[S]]: ValueOf<ConfigSchema[S][K]> } };

/** Variables of this family that other programs of VectorStream read; the gateway hands them on to its own runners. */
export const foreignVariables: readonly string[] = [
  'VECTORSTREAM_GATEWAY_URL', 'VECTORSTREAM_RUNNER_DEVICE', 'VECTORSTREAM_RUNNER_DTYPE', 'VECTORSTREAM_RUNNER_THREADS', 'VECTORSTREAM_TEST_REPORT',
];

const upperSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export type Setting = {
  readonly section: string;
  readonly name: string;
  /** As in the file: `section.name`. */
  readonly path: string;
  readonly variable: string;
  /** Without dashes; `null` for a secret. */
  readonly flag: string | null;
  readonly key: Key<unknown>;
};

/** The table, one row per setting, in the order of the file. */
export const settings: readonly Setting[] = Object.entries(configSchema).flatMap(([section, keys]) =>
  Object.entries(keys).map(([name, key]: [string, Key<unknown>]) => ({
    section, name, path: `${section}.${name}`, key,
    variable: key.env ?? `VECTORSTREAM_${upperSnake(section)}_${upperSnake(name)}`,
    flag: key.secret ? null : (key.flag ?? `${section}-${kebab(name)}`),
  })));
