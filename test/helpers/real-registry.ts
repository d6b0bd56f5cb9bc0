// A real Schema Registry for tests, without Docker: Apicurio, which answers as Confluent's does,
// from Maven's package in a process of its own.

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, projectRoot } from './program.ts';
import { until } from './until.ts';

const version = '2.6.13.Final';
const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`;
const cache = join(projectRoot, 'node_modules', '.cache', 'schema-registry');
const program = join(cache, `apicurio-${version}`);
const startMsMax = 120_000;
const run = promisify(execFile);

/** As `noKafka`: the reason why tests have no registry here; throws where CI is set. */
export async function noRegistry(): Promise<string | null> {
  if (existsSync(program)) return null;
  const reason = await fetchProgram();
  if (reason === null) return null;
  if (process.env['CI']) throw new Error(`No Schema Registry for the tests: ${reason}.`);
  process.stderr.write(`\n*** SKIPPED: tests on a real Schema Registry. ${reason}. ***\n\n`);
  return reason;
}

/** Runs once per checkout; a second process may do the same at the same time. */
async function fetchProgram(): Promise<string | null> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'fetch-'));
  try {
    await writeFile(
      join(folder, 'pom.xml'),
      '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
        '<groupId>vectorstream</groupId><artifactId>test-registry</artifactId>' +
        '<version>1</version><packaging>pom</packaging></project>\n',
    );
    const goal = ['dependency:copy', `-Dartifact=${artifact}`, '-DoutputDirectory=.'];
    await run('mvn', ['-q', '-B', ...goal], { cwd: folder, timeout: 300_000 });
    await mkdir(join(folder, 'program'));
    const archive = `apicurio-registry-app-${version}-all.tar.gz`;
    await run('tar', ['xzf', archive, '-C', 'program'], { cwd: folder });
    await rename(join(folder, 'program'), program).catch((error: unknown) => {
      if (!existsSync(program)) throw error;
    });
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message.slice(0, 300) : String(error);
    return `Maven could not fetch ${artifact}: ${message}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export type RealRegistry = AsyncDisposable & {
  readonly url: string;
  /** Registers a schema and returns its id. */
  register(subject: string, schema: object): Promise<number>;
  /** Stops it, with open connections, until it is thawed. */
  freeze(): void;
  thaw(): void;
};

/** Resolves when it answers. It keeps its schemas in memory. */
export async function startRealRegistry(): Promise<RealRegistry> {
  const port = await freePort();
  const jar = join(program, `apicurio-registry-app-${version}-runner.jar`);
  const child = spawn(
    'java',
    ['-Xmx300m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-jar', jar],
    {
      stdio: 'ignore',
      env: { ...process.env, QUARKUS_HTTP_PORT: String(port), QUARKUS_HTTP_HOST: '127.0.0.1' },
    },
  );
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v6`;
  await until('the registry answers', startMsMax, async () => {
    const { ok } = await fetch(`${url}/schemas/types`, { signal: AbortSignal.timeout(2_000) });
    return ok;
  });
  return {
    url,
    async register(subject, schema) {
      const answer = await fetch(`${url}/subjects/${subject}/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(schema),
      });
      const { id } = Object(await answer.json());
      if (typeof id !== 'number') throw new Error(`The registry refused ${subject}.`);
      return id;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      process.off('exit', kill);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null && kill()) await ended;
    },
  };
}
