// Runs one headless browser as a process of its own, that leaves nothing behind and says why it
// ended.

import { spawn, type ChildProcess } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import puppeteer, { type Browser } from 'puppeteer';
import { VectorStreamError } from '#core/errors/errors.ts';
import { pipeTransport } from './pipe-transport.ts';

/** The browser cannot be started. */
export class BrowserStartError extends VectorStreamError {
  override readonly name = 'BrowserStartError';
  readonly code = 'browser_start';
  readonly retryable = true;
}

export type Chromium = AsyncDisposable & {
  readonly browser: Browser;
  readonly pid: number;
  /** Resolves once, when the process is gone, with how it ended in one line. */
  readonly ended: Promise<string>;
  kill(): void;
};

const startMsMax = 30_000;
const closeMsMax = 2_000;
const stderrCharsMax = 8_000;
const alive = new Set<ChildProcess>();

// A supervisor that ends in any way it can notice takes its browsers along; otherwise their pipes
// close, and they end by themselves.
process.on('exit', () => {
  for (const child of alive) killTree(child);
});

/** @throws BrowserStartError with the browser's own words. */
export async function startChromium(
  options: {
    readonly executablePath: string;
    readonly profile: string;
    readonly flags: readonly string[];
  },
  stop: AbortSignal,
): Promise<Chromium> {
  const { executablePath, profile, flags } = options;
  const args = [
    ...(await puppeteer.defaultArgs({ headless: true, userDataDir: profile, args: [...flags] })),
    '--remote-debugging-pipe',
  ];
  const child = spawn(executablePath, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C is for the supervisor, which then drains; and a group can be
    // killed as one.
    detached: process.platform !== 'win32',
    // Of the settings of this program, above all the token, it needs nothing.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/TOKEN|KEY|SECRET|PASSWORD/.test(name)),
    ),
  });
  alive.add(child);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-stderrCharsMax);
  });
  const ended = new Promise<string>((resolve) => {
    const finish = (how: string): void => {
      alive.delete(child);
      resolve(`${how}${lastWords(stderr)}`);
    };
    // Its pages hold its pipes and do not all notice: one that is frozen would keep them open for
    // ever.
    child.once('exit', () => killGroup(child));
    child.once('error', (error) =>
      finish(`the browser ${executablePath} cannot be run: ${error.message}`),
    );
    child.once('close', (code, signal) =>
      finish(`the browser ended by ${signal ?? `exit code ${code}`}`),
    );
  });

  const [, , , toBrowser, fromBrowser] = child.stdio;
  if (!(toBrowser instanceof Writable) || !(fromBrowser instanceof Readable))
    throw new BrowserStartError(await ended);
  const giveUp = (): void => killTree(child);
  const late = setTimeout(giveUp, startMsMax);
  stop.addEventListener('abort', giveUp);
  if (stop.aborted) giveUp();
  try {
    const transport = pipeTransport(toBrowser, fromBrowser);
    const failed = ended.then((how): never => {
      throw new BrowserStartError(`${how}.`);
    });
    failed.catch(() => undefined);
    const browser = await Promise.race([
      failed,
      puppeteer.connect({ transport, defaultViewport: null }).catch(() => failed),
    ]);
    return {
      browser,
      ended,
      pid: child.pid ?? 0,
      kill: () => killTree(child),
      async [Symbol.asyncDispose]() {
        const stubborn = setTimeout(() => killTree(child), closeMsMax);
        await browser.close().catch(() => undefined);
        await ended;
        clearTimeout(stubborn);
      },
    };
  } finally {
    clearTimeout(late);
    stop.removeEventListener('abort', giveUp);
  }
}

/**
 * The last line in which the browser complains, in what it wrote; with the way out for the two that
 * have one.
 */
function lastWords(stderr: string): string {
  if (/No usable sandbox|--no-sandbox/.test(stderr))
    return ': its sandbox cannot work here; allow unprivileged user namespaces, or set VECTORSTREAM_BROWSER_SANDBOX=off where only trusted gateways are served';
  const missing = /error while loading shared libraries: (\S+):/.exec(stderr)?.[1];
  if (missing !== undefined)
    return `: its library ${missing} is missing; install the browser with your package manager, which brings what it needs`;
  const line = stderr
    .split('\n')
    .findLast((text) => /error|fatal|fail/i.test(text) && !/dbus|UPower/i.test(text));
  return line === undefined ? '' : `: ${line.replace(/^\[[^\]]*\]\s*/, '').slice(0, 200)}`;
}

function killTree(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) killGroup(child);
}

/** Whoever is left of it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All have ended by themselves.
  }
}
