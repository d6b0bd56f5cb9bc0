// Every setting of the gateway in one table: default, bound, meaning, and the names by which file,
// environment and flags set it.

import { eventLimits } from '#core/event/parse-event.ts';
import { defaultPipelineLimits } from '#core/pipeline/pipeline.ts';
import { compressions, saslMechanisms } from '../../kafka/kafka-settings.ts';
import { keyAllowed, parseApiKey } from './api-keys.ts';
import { defaultCheckIntervalMs, defaultLog } from './defaults.ts';
import { parseHostName, parseNetwork, parseOrigin } from './network.ts';
import {
  brokerList,
  httpUrl,
  integer,
  integerOrAuto,
  list,
  oneOf,
  path,
  secret,
  text,
  topicName,
  yesOrNo,
  type Key,
} from './setting-types.ts';

const minute = 60_000;
const hour = 60 * minute;
const mebibyte = 2 ** 20;

export const configSchema = {
  gateway: {
    host: text({
      default: '127.0.0.1',
      env: 'VECTORSTREAM_HOST',
      flag: 'host',
      help: 'Address to listen on. Any but a loopback address needs an API key and runners.token.',
    }),
    port: integer({
      default: 8080,
      min: 0,
      max: 65_535,
      env: 'VECTORSTREAM_PORT',
      flag: 'port',
      help: 'Port to listen on; 0 takes a free one.',
    }),
    dataDir: text({
      default: '.vectorstream',
      env: 'VECTORSTREAM_DATA_DIR',
      flag: 'data-dir',
      help: 'Folder of the embedded log and store, and of the generated runner token.',
    }),
    apiKey: secret({
      env: 'VECTORSTREAM_API_KEY',
      help: 'Key that may do everything, sent as Authorization: Bearer or X-API-Key. Without any key none is asked for.',
    }),
    apiKeys: list({
      env: 'VECTORSTREAM_API_KEYS',
      secret: true,
      allowed: keyAllowed,
      item: parseApiKey,
      help: 'Further keys, each with a name and with what it may do. Several are valid at once, so that one can be replaced without a gap.',
    }),
    apiKeysFile: path({
      env: 'VECTORSTREAM_API_KEYS_FILE',
      flag: 'api-keys-file',
      help: 'File with further keys, one name:scope:key a line, read again when it changes.',
    }),
    publicHosts: list({
      env: 'VECTORSTREAM_PUBLIC_HOSTS',
      flag: 'public-hosts',
      allowed: 'host names without port',
      item: parseHostName,
      help: 'Names by which clients reach the gateway beside its own address, such as that of a proxy. Requests for any other name are refused on a loopback address, and elsewhere when a name stands here.',
    }),
    corsOrigins: list({
      env: 'VECTORSTREAM_CORS_ORIGINS',
      flag: 'cors-origins',
      allowed: 'origins such as https://shop.example',
      item: parseOrigin,
      help: 'Origins of other web pages that may use the API. None may otherwise.',
    }),
    trustedProxies: list({
      env: 'VECTORSTREAM_TRUSTED_PROXIES',
      flag: 'trusted-proxies',
      allowed: 'addresses or networks such as 10.0.0.0/8',
      item: parseNetwork,
      help: 'Proxies whose X-Forwarded-For says who the client is.',
    }),
    tlsCert: path({
      env: 'VECTORSTREAM_TLS_CERT',
      flag: 'tls-cert',
      help: 'Certificate for HTTPS and WSS, PEM, with the chain to its authority after it; read again when it changes. npm run certificate makes one for the local network.',
    }),
    tlsKey: path({
      env: 'VECTORSTREAM_TLS_KEY',
      flag: 'tls-key',
      help: 'Private key of the certificate, PEM, not encrypted.',
    }),
    shutdownMsMax: integer({
      default: 4000,
      min: 500,
      max: 60_000,
      help: 'How long a stop may take, milliseconds, before what is left is abandoned (it comes again after the next start).',
    }),
  },
  server: {
    connectionsMax: integer({
      default: 2048,
      min: 16,
      max: 100_000,
      help: 'Connections at once, WebSockets included; beyond that a new one is answered 503.',
    }),
    connectionsPerAddressMax: integer({
      default: 512,
      min: 4,
      max: 100_000,
      help: 'Connections at once from one address. Trusted proxies are not counted.',
    }),
    requestsInFlightMax: integer({
      default: 1024,
      min: 1,
      max: 100_000,
      live: true,
      help: 'Requests in work at once; beyond that 503, except for liveness and readiness.',
    }),
    headersMsMax: integer({
      default: 10_000,
      min: 100,
      max: 10 * minute,
      help: 'How long the headers of a request may take to come, milliseconds.',
    }),
    requestMsMax: integer({
      default: 5 * minute,
      min: 100,
      max: hour,
      help: 'How long a whole request may take to come, milliseconds.',
    }),
    bodyBytesPerSecondMin: integer({
      default: 32,
      min: 0,
      max: mebibyte,
      live: true,
      help: 'A body that comes more slowly than this for five seconds is given up; 0 waits for requestMsMax.',
    }),
    idleMsMax: integer({
      default: 65_000,
      min: 1000,
      max: hour,
      help: 'How long a connection is kept without a request, milliseconds. Longer than a proxy in front keeps it, which otherwise asks just as it closes.',
    }),
    headerBytesMax: integer({
      default: 16_384,
      min: 1024,
      max: mebibyte,
      help: 'Largest headers of a request together, bytes.',
    }),
    urlBytesMax: integer({
      default: 8192,
      min: 256,
      max: mebibyte,
      help: 'Longest path with its query, bytes.',
    }),
  },
  rates: {
    apply: oneOf(['auto', 'always', 'never'], {
      default: 'auto',
      live: true,
      help: 'Whether clients are limited: each key from each address has the budgets below, which fill again steadily. auto limits on any but a loopback host.',
    }),
    readsPerMinute: integer({
      default: 3000,
      min: 1,
      max: 10_000_000,
      live: true,
      help: 'Requests that read.',
    }),
    searchesPerMinute: integer({
      default: 1200,
      min: 1,
      max: 10_000_000,
      live: true,
      help: 'Searches, analyses and texts to embed.',
    }),
    eventsPerMinute: integer({
      default: 3_000_000,
      min: 1,
      max: 100_000_000,
      live: true,
      help: 'Events sent.',
    }),
    adminPerMinute: integer({
      default: 300,
      min: 1,
      max: 10_000_000,
      live: true,
      help: 'Requests that change something else, or show the configuration.',
    }),
    wrongKeysPerMinute: integer({
      default: 20,
      min: 1,
      max: 10_000,
      live: true,
      help: 'Wrong keys and runner tokens from one address before no other is looked at, whatever rates.apply says.',
    }),
    clientsMax: integer({
      default: 10_000,
      min: 100,
      max: 1_000_000,
      help: 'Clients whose use is remembered; the one that was not seen for the longest is forgotten.',
    }),
  },
  ingest: {
    source: oneOf(['auto', 'embedded', 'kafka'], {
      default: 'auto',
      env: 'VECTORSTREAM_SOURCE',
      flag: 'source',
      help: 'Where events come from: the durable log in the data folder, or Kafka. auto is kafka when kafka.brokers is set.',
    }),
    bodyBytesMax: integer({
      default: 16 * mebibyte,
      min: 1024,
      max: 256 * mebibyte,
      help: 'Largest request body, bytes.',
    }),
    eventsPerRequestMax: integer({
      default: 5000,
      min: 1,
      max: 100_000,
      help: 'Most events in one POST /events.',
    }),
    eventBytesMax: integer({
      default: eventLimits.bytesMax,
      min: 1024,
      max: mebibyte,
      help: 'Largest event, bytes; a larger one is invalid.',
    }),
    redrivesMax: integer({
      default: 3,
      min: 1,
      max: 1000,
      help: 'How often an event may be put back from the dead letters into the source, before that must be forced.',
    }),
    partitions: integer({
      default: defaultLog.partitions,
      min: 1,
      max: 64,
      help: 'Partitions of a new log; an existing one never gets fewer.',
    }),
    unreadBytesMax: integer({
      default: defaultLog.unreadBytesMax,
      min: mebibyte,
      max: 2 ** 40,
      help: 'Bytes of events that may wait in the log; beyond that POST /events answers 429.',
    }),
    logBytesMax: integer({
      default: defaultLog.retentionBytes,
      min: 0,
      max: 2 ** 40,
      help: 'Bytes of processed events that the log keeps.',
    }),
    logHoursMax: integer({
      default: defaultLog.retentionMs / hour,
      min: 1,
      max: 87_600,
      help: 'Hours that the log keeps a processed event.',
    }),
  },
  pipeline: {
    unsettledMax: integer({
      default: defaultPipelineLimits.unsettledMax,
      min: 1,
      max: 1_000_000,
      live: true,
      help: 'Most events in hand at once.',
    }),
    unsettledBytesMax: integer({
      default: defaultPipelineLimits.unsettledBytesMax,
      min: mebibyte,
      max: 4096 * mebibyte,
      live: true,
      help: 'Most bytes of events in hand at once.',
    }),
    batchAgeMsMax: integer({
      default: defaultPipelineLimits.batchAgeMsMax,
      min: 0,
      max: 10_000,
      live: true,
      help: 'How long a write waits for company, milliseconds.',
    }),
    writesInFlightMax: integer({
      default: defaultPipelineLimits.writesInFlightMax,
      min: 1,
      max: 64,
      live: true,
      help: 'Write calls to the store at once.',
    }),
    knownTextsMax: integer({
      default: defaultPipelineLimits.knownTextsMax,
      min: 0,
      max: 10_000_000,
      live: true,
      help: 'Ids of stored texts kept in memory.',
    }),
  },
  retries: {
    delayMs: integer({
      default: defaultPipelineLimits.backoff.delayMs,
      min: 1,
      max: minute,
      live: true,
      help: 'Longest wait after the first failure of a call to the store or the dead letters, milliseconds; it doubles with each further one.',
    }),
    delayMsMax: integer({
      default: defaultPipelineLimits.backoff.delayMsMax,
      min: 1,
      max: 10 * minute,
      live: true,
      help: 'Longest wait between two tries, milliseconds.',
    }),
    circuitFailuresMax: integer({
      default: defaultPipelineLimits.circuit.failuresMax,
      min: 1,
      max: 1000,
      live: true,
      help: 'Failures in a row after which no calls are made but one at a time, and no events are taken in.',
    }),
    circuitDelayMs: integer({
      default: defaultPipelineLimits.circuit.delayMs,
      min: 10,
      max: 10 * minute,
      live: true,
      help: 'Wait before the first of these, milliseconds; it doubles while they fail.',
    }),
    circuitDelayMsMax: integer({
      default: defaultPipelineLimits.circuit.delayMsMax,
      min: 10,
      max: hour,
      live: true,
      help: 'Longest wait between two of these, milliseconds.',
    }),
  },
  store: {
    kind: oneOf(['auto', 'embedded', 'qdrant'], {
      default: 'auto',
      env: 'VECTORSTREAM_STORE',
      flag: 'store',
      help: 'Where vectors and events are kept: SQLite in the data folder, or Qdrant. auto is qdrant when qdrant.url is set.',
    }),
    retentionDays: integer({
      default: 3650,
      min: 1,
      max: 36_500,
      live: true,
      help: 'Events are forgotten so many days after they were taken in.',
    }),
    sweepMinutes: integer({
      default: 10,
      min: 1,
      max: 1440,
      live: true,
      help: 'Minutes between two sweeps that forget old events and texts without events.',
    }),
  },
  kafka: {
    brokers: brokerList({
      env: 'KAFKA_BROKERS',
      flag: 'kafka-brokers',
      help: 'Brokers to start from.',
    }),
    topic: topicName({
      default: 'ecommerce-events',
      env: 'KAFKA_TOPIC',
      flag: 'kafka-topic',
      help: 'Topic of the events.',
    }),
    groupId: text({
      default: 'vectorstream',
      env: 'KAFKA_GROUP_ID',
      flag: 'kafka-group-id',
      help: 'Consumer group, whose gateways share the partitions. With the embedded store it has one member.',
    }),
    dlqTopic: topicName({
      default: null,
      env: 'KAFKA_DLQ_TOPIC',
      flag: 'kafka-dlq-topic',
      help: 'Topic of the dead letters; their states are in another one, named with .state at its end. Without it, the topic with .dlq at its end.',
    }),
    createTopics: yesOrNo({ default: true, help: 'Make topics that are missing.' }),
    partitions: integer({
      default: 12,
      min: 1,
      max: 10_000,
      help: 'Partitions of topics that are made.',
    }),
    compression: oneOf(compressions, {
      default: 'none',
      help: 'Of the events that POST /events writes, and of dead letters. All of them can be read.',
    }),
    ssl: yesOrNo({
      default: false,
      env: 'KAFKA_SSL',
      help: 'Connect by TLS, trusting the authorities of the system and of NODE_EXTRA_CA_CERTS.',
    }),
    saslMechanism: oneOf(['none', ...saslMechanisms], {
      default: 'none',
      env: 'KAFKA_SASL_MECHANISM',
      help: 'How to log in.',
    }),
    saslUsername: secret({ env: 'KAFKA_SASL_USERNAME', help: 'User to log in.' }),
    saslPassword: secret({ env: 'KAFKA_SASL_PASSWORD', help: 'Password to log in.' }),
  },
  qdrant: {
    url: httpUrl({
      env: 'QDRANT_URL',
      flag: 'qdrant-url',
      help: 'Address of Qdrant; without a port it is 6333.',
    }),
    apiKey: secret({ env: 'QDRANT_API_KEY', help: 'Key that Qdrant asks for.' }),
    collection: text({
      default: 'ecommerce_embeddings',
      env: 'QDRANT_COLLECTION',
      help: 'Collection or alias of the texts with their vectors. Made when missing.',
    }),
    eventsCollection: text({
      default: 'ecommerce_events',
      env: 'QDRANT_EVENTS_COLLECTION',
      help: 'Collection or alias of the events, which have no vectors. Made when missing.',
    }),
    timeoutMs: integer({
      default: 10_000,
      min: 100,
      max: 10 * minute,
      help: 'Longest time that Qdrant may take for an answer, milliseconds, before the request is cancelled and repeated.',
    }),
    vectorsOnDisk: yesOrNo({
      default: false,
      help: 'A new collection reads its vectors from disk instead of holding them in memory.',
    }),
    quantisation: oneOf(['none', 'scalar', 'binary'], {
      default: 'none',
      help: 'A new collection is searched by smaller copies of its vectors first: 8 bits (scalar) or 1 bit (binary) per number.',
    }),
    shards: integer({ default: 1, min: 1, max: 1024, help: 'Shards of a new collection.' }),
    replicas: integer({
      default: 1,
      min: 1,
      max: 64,
      help: 'Copies of each shard of a new collection.',
    }),
  },
  runners: {
    model: text({
      default: 'models/all-MiniLM-L6-v2',
      env: 'VECTORSTREAM_MODEL',
      flag: 'model',
      help: 'Folder of the embedding model with its manifest.json, or the id of a model on Hugging Face, such as Xenova/bge-small-en-v1.5.',
    }),
    count: integerOrAuto({
      default: 'auto',
      min: 0,
      max: 256,
      env: 'VECTORSTREAM_RUNNERS',
      flag: 'runners',
      help: 'Node runners that the gateway starts and supervises itself; 0 for none.',
    }),
    token: secret({
      env: 'VECTORSTREAM_RUNNER_TOKEN',
      help: 'Token with which runners join. On a loopback host one is made in the data folder when absent.',
    }),
    checkSeconds: integer({
      default: defaultCheckIntervalMs / 1000,
      min: 1,
      max: 86_400,
      live: true,
      help: 'Check interval, seconds: a runner that is wrong is out of work within one, and what it embedded is out of the store one later. Longer for a slow one, so that checks stay below 2 % of its work.',
    }),
    fleetMax: integer({
      default: 256,
      min: 1,
      max: 10_000,
      live: true,
      help: 'Most runners connected at once.',
    }),
  },
  audit: {
    fileBytesMax: integer({
      default: 16 * mebibyte,
      min: 0,
      max: 2 ** 30,
      help: 'Size of audit.ndjson in the data folder, bytes, at which it becomes audit.ndjson.1 and a new one begins; 0 keeps no audit trail.',
    }),
  },
  search: {
    waitMsMax: integer({
      default: 2000,
      min: 10,
      max: minute,
      live: true,
      help: 'How long a search waits for a runner to embed its query, milliseconds, before it answers 503.',
    }),
    queryCacheMax: integer({
      default: 1000,
      min: 0,
      max: 100_000,
      live: true,
      help: 'Query vectors kept in memory.',
    }),
  },
  embeddings: {
    waitMsMax: integer({
      default: 30_000,
      min: 100,
      max: 10 * minute,
      live: true,
      help: 'How long POST /v1/embeddings may take, milliseconds, before it answers 503.',
    }),
  },
  live: {
    clientsMax: integer({
      default: 100,
      min: 0,
      max: 10_000,
      help: 'Most clients of /ws/events and /sse/events together.',
    }),
  },
  logging: {
    level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      env: 'LOG_LEVEL',
      flag: 'log-level',
      live: true,
      help: 'Least severity that is logged. Runners that the gateway started keep the level of the start.',
    }),
    format: oneOf(['auto', 'pretty', 'json'], {
      default: 'auto',
      env: 'LOG_FORMAT',
      flag: 'log-format',
      help: 'auto is pretty on a terminal, else json.',
    }),
  },
} as const;

export type ConfigSchema = typeof configSchema;
type ValueOf<K> = K extends Key<infer T> ? T : never;
export type Config = {
  readonly [S in keyof ConfigSchema]: {
    readonly [K in keyof ConfigSchema[S]]: ValueOf<ConfigSchema[S][K]>;
  };
};

/**
 * Variables of this family that other programs of VectorStream read; the gateway hands them on to
 * its own runners.
 */
export const foreignVariables: readonly string[] = [
  'VECTORSTREAM_GATEWAY_URL',
  'VECTORSTREAM_RUNNER_DEVICE',
  'VECTORSTREAM_RUNNER_DTYPE',
  'VECTORSTREAM_RUNNER_THREADS',
  'VECTORSTREAM_TEST_REPORT',
];

const upperSnake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

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
