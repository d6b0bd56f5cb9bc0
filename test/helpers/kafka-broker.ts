// A real Kafka broker for tests, without Docker: from Maven's packages in its own process, or the
// one that KAFKA_BROKERS names.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './program.ts';

export type KafkaBroker = AsyncDisposable & {
  /** `host:port,host:port` */
  readonly brokers: string;
  /** Whether this test started it, so that it may be stopped and started. */
  readonly isOwn: boolean;
  /** Ends it in order, or as a power cut would. Its data stays. */
  stop(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Stops it with open connections until it is thawed. */
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same port, with the same data. */
  start(): Promise<void>;
};

const version = '4.1.0';
const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const cache = join(root, 'node_modules', '.cache', 'kafka');
const libraries = join(cache, `libs-${version}`);
const startMsMax = 180_000;

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>vectorstream</groupId><artifactId>test-broker</artifactId>
<version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>${version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
<version>1.7.36</version></dependency>
</dependencies></project>
`;

/**
 * Resolves with the reason why tests have no broker here; `null` when there is one. Throws where CI
 * is set, because a run that proves nothing about Kafka must not pass there.
 */
export async function noKafka(): Promise<string | null> {
  if (process.env['KAFKA_BROKERS']) return null;
  const missing: string[] = [];
  for (const [program, flag] of [
    ['java', '-version'],
    ...(existsSync(libraries) ? [] : [['mvn', '-version']]),
  ] as const) {
    await run(program ?? '', [flag ?? '']).catch(() => missing.push(program ?? ''));
  }
  const reason =
    missing.length > 0
      ? `${missing.join(' and ')} cannot be run: install Java 17 and Maven, or set KAFKA_BROKERS`
      : await fetchLibraries();
  if (reason === null) return null;
  if (process.env['CI']) throw new Error(`No Kafka broker for the tests: ${reason}.`);
  process.stderr.write(`\n*** SKIPPED: tests on a real Kafka broker. ${reason}. ***\n\n`);
  return reason;
}

/** Runs once per checkout; a second process may do the same at the same time. */
async function fetchLibraries(): Promise<string | null> {
  if (existsSync(libraries)) return null;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'fetch-'));
  try {
    await writeFile(join(folder, 'pom.xml'), pom);
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'], {
      cwd: folder,
      timeout: 300_000,
    });
    await rename(join(folder, 'libs'), libraries).catch((error: unknown) => {
      if (!existsSync(libraries)) throw error;
    });
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message.slice(0, 300) : String(error);
    return `Maven could not fetch Kafka ${version}: ${message}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const refuse = (): never => {
  throw new Error('A test must not stop the broker of KAFKA_BROKERS.');
};

/** A second listener beside the open one; `properties` set its security. */
export type SecuredListener = {
  readonly protocol: 'SASL_SSL' | 'SSL';
  readonly port: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly formatFlags: readonly string[];
};

/** Resolves when it answers. `settings` are added to its server.properties. */
export async function startKafkaBroker(
  settings: Readonly<Record<string, string>> = {},
  secured: SecuredListener | null = null,
): Promise<KafkaBroker> {
  const given = process.env['KAFKA_BROKERS'];
  if (given) {
    return {
      brokers: given,
      isOwn: false,
      stop: refuse,
      start: refuse,
      freeze: refuse,
      thaw: refuse,
      async [Symbol.asyncDispose]() {},
    };
  }
  const folder = await mkdtemp(join(tmpdir(), 'vectorstream-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(folder, 'server.properties');
  await writeFile(
    properties,
    Object.entries({
      ...propertiesOf(folder, port, controllerPort),
      ...(secured !== null && securedProperties(secured, port, controllerPort)),
      ...settings,
    })
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  await run('java', [
    ...options,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    'MkU3OEVBNTcwNTJENDM2Qg',
    '-c',
    properties,
    ...(secured?.formatFlags ?? []),
  ]);

  let child: ChildProcess | null = null;
  const broker: KafkaBroker = {
    brokers: `127.0.0.1:${port}`,
    isOwn: true,
    async start() {
      child = spawn('java', [...options, 'kafka.Kafka', properties], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await started(child);
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async stop(how = 'SIGTERM') {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const exited = new Promise((resolve) => child?.once('exit', resolve));
      child.kill(how);
      await exited;
    },
    async [Symbol.asyncDispose]() {
      await broker.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  process.once('exit', () => child?.kill('SIGKILL'));
  await broker.start();
  return broker;
}

const options: readonly string[] = [
  '-Xmx512m',
  '-Xms128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  '-cp',
  join(libraries, '*'),
];

const propertiesOf = (
  folder: string,
  port: number,
  controllerPort: number,
): Readonly<Record<string, string>> => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'log.dirs': join(folder, 'logs'),
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '500',
  'auto.create.topics.enable': 'false',
  'controlled.shutdown.enable': 'false',
  // Records of tests are dated years ago, and retention goes by their dates. A topic that would not
  // keep them loses them within a second, instead of once in some minutes.
  'log.retention.ms': '-1',
  'log.initial.task.delay.ms': '0',
  'log.retention.check.interval.ms': '1000',
  'num.network.threads': '2',
  'num.io.threads': '2',
  'log.cleaner.dedupe.buffer.size': '2097152',
  'log.cleaner.threads': '1',
});

const securedProperties = (
  { protocol, port, properties }: SecuredListener,
  openPort: number,
  controllerPort: number,
): Readonly<Record<string, string>> => ({
  listeners: [
    `PLAINTEXT://127.0.0.1:${openPort}`,
    `${protocol}://127.0.0.1:${port}`,
    `CONTROLLER://127.0.0.1:${controllerPort}`,
  ].join(','),
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${openPort},${protocol}://127.0.0.1:${port}`,
  'listener.security.protocol.map': [
    'PLAINTEXT:PLAINTEXT',
    `${protocol}:${protocol}`,
    'CONTROLLER:PLAINTEXT',
  ].join(','),
  ...properties,
});

/** Resolves when the broker has started; rejects with its output when it ends. */
function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(
      () =>
        reject(
          new Error(`The broker did not start within ${startMsMax} ms: ${output.slice(-2_000)}`),
        ),
      startMsMax,
    );
    const hear = (chunk: Buffer): void => {
      output = `${output}${chunk.toString()}`.slice(-8_000);
      if (!output.includes('Kafka Server started')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(
        new Error(`The broker ended at its start (${signal ?? code}): ${output.slice(-2_000)}`),
      );
    });
  });
}
