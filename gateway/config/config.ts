// Turns file, environment and flags into one checked Config, or stops with one line that names the
// setting, its value and what is allowed.

import { parseDocument } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { closestName } from './closest-name.ts';
import {
  configSchema,
  foreignVariables,
  settings,
  type Config,
  type Setting,
} from './config-schema.ts';
import { isLoopback } from './network.ts';

export type { Config } from './config-schema.ts';

export type ConfigInput = {
  /** Text of `vectorstream.yaml`; `null` when there is none. */
  readonly yaml: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By name without dashes, as `parseFlags` gives them. */
  readonly flags: ReadonlyMap<string, string>;
};

/** Defaults < file < environment < flags. Pure; throws `UsageError` with a one-line message. */
export function parseConfig(input: ConfigInput): Config {
  return completed(parseSettings(input));
}

/**
 * Where a value came from. `override`: from the file that `PUT /config/{section}?persist=true`
 * writes; `request`: from a PUT that did not ask for that.
 */
export type Origin = 'default' | 'file' | 'environment' | 'flag' | 'override' | 'request';
/** By `section.name`. */
export type Resolved = ReadonlyMap<string, { readonly value: unknown; readonly origin: Origin }>;

/**
 * Each setting with its checked value and its origin; not checked against each other yet: see
 * `completed`.
 */
export function parseSettings(input: ConfigInput): Resolved {
  const given = new Map<string, { value: unknown; from: string; origin: Origin }>();
  for (const [setting, value] of fromFile(input.yaml))
    given.set(setting.path, { value, from: setting.path, origin: 'file' });
  for (const [setting, value] of fromEnvironment(input.env))
    given.set(setting.path, { value, from: setting.variable, origin: 'environment' });
  for (const [setting, value] of fromFlags(input.flags))
    given.set(setting.path, { value, from: `--${setting.flag}`, origin: 'flag' });
  return new Map(
    settings.map((setting) => {
      const entry = given.get(setting.path);
      return [
        setting.path,
        entry === undefined
          ? { value: setting.key.default, origin: 'default' as const }
          : { value: checked(setting, entry.value, entry.from), origin: entry.origin },
      ];
    }),
  );
}

/** The settings of a file of overrides. Throws `UsageError`. */
export function parseOverrides(yaml: string): ReadonlyMap<string, unknown> {
  return new Map(
    [...fromFile(yaml)].map(([setting, value]) => {
      if (!setting.key.live)
        throw new UsageError(
          `${setting.path} cannot be overridden: it is set by file, environment or flag, and takes effect at the start.`,
        );
      return [setting.path, checked(setting, value, setting.path)];
    }),
  );
}

/** A frozen configuration of these values. Throws `UsageError` for what does not go together. */
export function completed(values: Resolved): Config {
  const config: Record<string, Record<string, unknown>> = {};
  for (const { section, name, path } of settings)
    (config[section] ??= {})[name] = values.get(path)?.value;
  // Every key of the schema has a value that its own check made.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const complete = config as Config;
  refuseOpenDoor(complete);
  refuseHalfACertificate(complete);
  refuseHalfAKafka(complete);
  refuseHalfAQdrant(complete);
  refuseBackwards(complete);
  return complete;
}

/** Where `auto` leads. */
export function sourceKind({ ingest, kafka }: Config): 'embedded' | 'kafka' {
  if (ingest.source !== 'auto') return ingest.source;
  return kafka.brokers === null ? 'embedded' : 'kafka';
}

/** Where `auto` leads. */
export function storeKind({ store, qdrant }: Config): 'embedded' | 'qdrant' {
  if (store.kind !== 'auto') return store.kind;
  return qdrant.url === null ? 'embedded' : 'qdrant';
}

/** The configuration for people to read: secrets are replaced. */
export function redacted(config: Config): Record<string, Record<string, unknown>> {
  const shown: Record<string, Record<string, unknown>> = {};
  for (const [section, values] of Object.entries(config)) shown[section] = { ...values };
  for (const { section, name, key } of settings) {
    const values = shown[section];
    if (key.secret && values !== undefined && isSet(values[name])) values[name] = '[redacted]';
  }
  return shown;
}

/** A list without items is none. */
const isSet = (value: unknown): boolean =>
  value !== null && !(Array.isArray(value) && value.length === 0);

/** `--name value` and `--name=value`; `--help` and `--config FILE` are kept apart. */
export function parseFlags(argv: readonly string[]): {
  help: boolean;
  configFile: string | null;
  flags: Map<string, string>;
} {
  const flags = new Map<string, string>();
  let help = false;
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? '';
    if (word === '--help' || word === '-h') {
      help = true;
      continue;
    }
    if (!word.startsWith('--'))
      throw new UsageError(
        `Unexpected argument ${show(word)}: settings are given as --name value; --help lists them.`,
      );
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    if (name !== 'config') settingOfFlag(name);
    const value = equals < 0 ? argv[(i += 1)] : word.slice(equals + 1);
    if (value === undefined || (name === 'config' && value === ''))
      throw new UsageError(`--${name} needs a value; --help lists what is allowed.`);
    flags.set(name, value);
  }
  const configFile = flags.get('config') ?? null;
  flags.delete('config');
  return { help, configFile, flags };
}

/**
 * The value, or a `UsageError` that says what is allowed. `from`: the name under which it was
 * given.
 */
export function checked(setting: Setting, value: unknown, from: string): unknown {
  const result = setting.key.check(value);
  if (result.ok) return result.value;
  throw new UsageError(
    `${from} is ${setting.key.secret ? '[redacted]' : show(value)}; allowed: ${setting.key.allowed}.`,
  );
}

function* fromFile(yaml: string | null): Generator<[Setting, unknown]> {
  if (yaml === null) return;
  for (const [section, values] of entriesOf(parseYaml(yaml), 'The settings file')) {
    if (!Object.hasOwn(configSchema, section))
      throw unknown('section', section, Object.keys(configSchema));
    for (const [name, value] of entriesOf(values, section)) {
      const setting = settings.find(
        (candidate) => candidate.section === section && candidate.name === name,
      );
      if (setting === undefined)
        throw unknown(
          'setting',
          `${section}.${name}`,
          settings.map(({ path }) => path),
        );
      yield [setting, value];
    }
  }
}

function parseYaml(yaml: string): unknown {
  const document = parseDocument(yaml, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) throw notYaml(error.message);
  try {
    return document.toJS();
  } catch (cause) {
    throw notYaml(cause instanceof Error ? cause.message : '');
  }
}

/**
 * The parser's words and the place, without what they quote: a password with a `*`, `!` or `\`
 * before it is one of these mistakes.
 */
function notYaml(message: string): UsageError {
  const [first = ''] = message.split('\n');
  const place = / at line \d+, column \d+/.exec(first)?.[0] ?? '';
  const [words = ''] = first
    .slice(0, place === '' ? undefined : first.lastIndexOf(place))
    .split(/(?<=\S): |["'](?!quote)|[\\%!]/);
  return new UsageError(`The settings file is not valid YAML: ${oneLine(words)}${place}.`);
}

/**
 * An empty document and an empty section set nothing. What stands there instead is not shown: it
 * may be a line of an environment file.
 */
function entriesOf(value: unknown, where: string): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    throw new UsageError(
      `${where} is ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}; allowed: a mapping of names to values.`,
    );
  return Object.entries(value);
}

/** An empty variable counts as absent: that is how compose files and shells hand on what is not set. */
function* fromEnvironment(env: ConfigInput['env']): Generator<[Setting, unknown]> {
  for (const setting of settings) {
    const value = env[setting.variable];
    if (value !== undefined && value !== '') yield [setting, value];
  }
  const known = [...settings.map(({ variable }) => variable), ...foreignVariables];
  for (const name of Object.keys(env)) {
    if (name.startsWith('VECTORSTREAM_') && !known.includes(name))
      throw unknown('variable', name, known);
  }
}

function* fromFlags(flags: ConfigInput['flags']): Generator<[Setting, unknown]> {
  for (const [name, value] of flags) yield [settingOfFlag(name), value];
}

function settingOfFlag(name: string): Setting {
  const setting = settings.find(({ flag }) => flag === name);
  if (setting !== undefined) return setting;
  const flags = [
    ...settings.flatMap(({ flag }) => (flag === null ? [] : [`--${flag}`])),
    '--config',
    '--help',
  ];
  throw unknown('flag', `--${name}`, flags);
}

/** For a name that is none: with the one that was meant, if one is near. */
export function unknown(kind: string, name: string, known: readonly string[]): UsageError {
  const meant = closestName(name, known);
  const hint =
    meant === null ? 'vectorstream.example.yaml lists what is allowed' : `did you mean ${meant}?`;
  // A line of an environment file, `NAME=value`, is not shown with its value.
  return new UsageError(`Unknown ${kind} ${show(name.replace(/=.*/s, '=…'))}: ${hint}`);
}

/**
 * Whoever can reach the port can write and read everything: on a network that takes a key, and a
 * token for runners.
 */
function refuseOpenDoor(config: Config): void {
  if (isLoopback(config.gateway.host)) return;
  const missing = [
    ...(config.gateway.apiKey === null &&
    config.gateway.apiKeys.length === 0 &&
    config.gateway.apiKeysFile === null
      ? ['VECTORSTREAM_API_KEY']
      : []),
    ...(config.runners.token === null ? ['VECTORSTREAM_RUNNER_TOKEN'] : []),
  ];
  if (missing.length > 0)
    throw new UsageError(
      `gateway.host is ${show(config.gateway.host)}, which other machines can reach: set ${missing.join(' and ')}, or listen on 127.0.0.1.`,
    );
}

function refuseHalfACertificate({ gateway: { tlsCert, tlsKey } }: Config): void {
  if ((tlsCert === null) === (tlsKey === null)) return;
  throw new UsageError(
    `${tlsCert === null ? 'VECTORSTREAM_TLS_KEY' : 'VECTORSTREAM_TLS_CERT'} is set without ${tlsCert === null ? 'VECTORSTREAM_TLS_CERT' : 'VECTORSTREAM_TLS_KEY'}: HTTPS needs both.`,
  );
}

function refuseHalfAKafka({ ingest, kafka }: Config): void {
  const { brokers, saslMechanism, saslUsername, saslPassword } = kafka;
  if (ingest.source === 'kafka' && brokers === null)
    throw new UsageError(
      'ingest.source is kafka, but nothing says where it is: set KAFKA_BROKERS, such as 127.0.0.1:9092.',
    );
  const isComplete = saslUsername !== null && saslPassword !== null;
  if (saslMechanism !== 'none' && !isComplete)
    throw new UsageError(
      `kafka.saslMechanism is ${saslMechanism}, which needs both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`,
    );
  if (saslMechanism === 'none' && (saslUsername !== null || saslPassword !== null)) {
    throw new UsageError(
      'A user or password for Kafka is given without a way to log in: set KAFKA_SASL_MECHANISM to plain, scram-sha-256 or scram-sha-512.',
    );
  }
}

function refuseHalfAQdrant({ store, qdrant }: Config): void {
  if (store.kind === 'qdrant' && qdrant.url === null)
    throw new UsageError(
      'store.kind is qdrant, but nothing says where it is: set QDRANT_URL, such as http://127.0.0.1:6333.',
    );
  if (qdrant.collection === qdrant.eventsCollection)
    throw new UsageError(
      `qdrant.collection and qdrant.eventsCollection are both ${show(qdrant.collection)}: texts and events need a collection each.`,
    );
}

function refuseBackwards({ retries }: Config): void {
  for (const [low, high] of [
    ['delayMs', 'delayMsMax'],
    ['circuitDelayMs', 'circuitDelayMsMax'],
  ] as const) {
    if (retries[low] > retries[high])
      throw new UsageError(
        `retries.${low} is ${retries[low]} and retries.${high} ${retries[high]}: the longest wait cannot be the shorter one.`,
      );
  }
}

function show(value: unknown): string {
  let json: string;
  try {
    json = JSON.stringify(value) ?? typeof value;
  } catch {
    // An alias of YAML can make a value that holds itself.
    json = 'a value that holds itself';
  }
  // Where no address may have a password, somebody puts one all the same:
  // `http://user:password@host`.
  json = json.replaceAll(
    /\/\/[^/@\s"]*@|(?<=[",])[^/@\s",]*:[^/@\s",]*@/g,
    (found) => `${found.startsWith('//') ? '//' : ''}[redacted]@`,
  );
  return oneLine(json.length > 80 ? `${json.slice(0, 80)}…` : json);
}

// JSON leaves some of these as they are, and they end lines, steer terminals or turn the direction
// of writing.
const oneLine = (message: string): string => message.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
