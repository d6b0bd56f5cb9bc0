// Checks what a gateway needs of its machine: a port, a folder, space, a clock, and what runners
// could use.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { mayHaveGpu } from '#core/runner/gpu-hint.ts';
import { makeFolder } from '../../system/make-folder.ts';
import type { Config } from '../config/config.ts';
import { lockFolder } from '../embedded/folder-lock.ts';
import { freeBytesOf } from '../telemetry/disk-space.ts';
import { notOk, ok, type Finding } from './finding.ts';

const answerMsMax = 3_000;
const mebibyte = 2 ** 20;

/** A port that a running gateway holds is fine. */
export async function checkPort({ host, port, tlsCert }: Config['gateway']): Promise<Finding> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return ok('port', `${port} of ${host} is free`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'EADDRINUSE' && (await isGateway(host, port, tlsCert !== null)))
      return ok('port', `a gateway is running at ${port} of ${host}`);
    return notOk(
      'port',
      code === 'EADDRINUSE'
        ? `${port} of ${host} is in use by another program: stop it, or set VECTORSTREAM_PORT`
        : `${port} of ${host} cannot be used (${code}): set VECTORSTREAM_HOST or VECTORSTREAM_PORT`,
    );
  } finally {
    server.close();
  }
}

/** Whether a gateway answers there. An answer that only its TLS certificate spoils counts too. */
async function isGateway(host: string, port: number, isTls: boolean): Promise<boolean> {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const scheme = isTls ? 'https' : 'http';
  const address = `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
  try {
    const answer = await fetch(`${address}/livez`, { signal: AbortSignal.timeout(answerMsMax) });
    return (await answer.text()).includes('alive');
  } catch (error) {
    const cause = error instanceof Error ? error.cause : null;
    return isTls && cause instanceof Error && /certificate|ERR_TLS/i.test(cause.message);
  }
}

/** @param isRunning whether a gateway runs, which then holds the lock of its folder */
export function checkFolder(dataDir: string, isRunning: boolean): Finding {
  const folder = resolve(dataDir);
  makeFolder(folder);
  try {
    lockFolder(folder).close();
    return ok('data folder', `${folder} can be written`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (isRunning && / is in use by /.test(message))
      return ok('data folder', `${folder} is used by the running gateway`);
    return notOk('data folder', message);
  }
}

export async function checkDisk(
  dataDir: string,
  { diskFreeBytesLow, diskFreeBytesMin }: Config['ingest'],
): Promise<Finding> {
  const free = await freeBytesOf(resolve(dataDir));
  const said = `${Math.floor(free / mebibyte)} MiB free`;
  if (free < diskFreeBytesMin)
    return notOk(
      'disk',
      `${said}, and no events are taken below ingest.diskFreeBytesMin: free some`,
    );
  return free < diskFreeBytesLow
    ? notOk('disk', `${said}, less than ingest.diskFreeBytesLow: free some space`)
    : ok('disk', said);
}

const clockMsMax = 60_000;

/** @param others the clocks of other machines, as they answered, in UTC ms */
export function checkClock(now: number, others: readonly number[]): Finding {
  const far = others.find((other) => Math.abs(other - now) > clockMsMax);
  const shown = new Date(now).toISOString();
  if (far !== undefined)
    return notOk(
      'clock',
      `${shown} here and ${new Date(far).toISOString()} at the store: events whose time is ` +
        'minutes ahead are refused; have both machines keep time (NTP)',
    );
  return ok('clock', others.length === 0 ? `${shown}, with no other to compare` : shown);
}

export const checkGpu = (): Finding =>
  ok(
    'GPU',
    mayHaveGpu(process.platform, namesIn)
      ? 'runners will try WebGPU, and use it if its vectors are right and it is faster'
      : 'none is visible: runners use the processor',
  );

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const browserRunner = join(import.meta.dirname, '../../browser-runner/main.ts');
const run = promisify(execFile);

/** Looks for a browser. Only `npm run browser-runner` needs one, so none is fine too. */
export async function checkBrowser(environment: NodeJS.ProcessEnv): Promise<Finding> {
  if (!existsSync(browserRunner)) return ok('browser', 'not part of this installation');
  try {
    const { stdout } = await run(process.execPath, [browserRunner, '--check'], {
      env: environment,
    });
    return ok('browser', stdout.trim());
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    return ok('browser', `none, which only npm run browser-runner needs. ${said}`);
  }
}
