// Runs one headless browser as a child process that leaves nothing behind, and reports why it
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
  /** Resolves when the process is gone, with one line on how it ended. */
  readonly ended: Promise<string>;
  kill(): void;
};

const startMsMax = 30_000;
const closeMsMax = 2_000;
const stderrCharsMax = 8_000;
const alive = new Set<ChildProcess>();

// A supervisor that can still run code at its end kills its browsers. When it cannot, their pipes
// close, and they end by themselves.
process.on('exit', () => {
  for (const child of alive) killTree(child);
});

/** @throws BrowserStartError with the browser's own words on why it did not start. */
export async function startChromium(
  options: {
    readonly executablePath: string;
    readonly profile: string;
    readonly flags: readonly string[];
  },
  stop: AbortSignal,
): Promise<Chromium> {
  const child = await spawnBrowser(options);
  const ended = endOf(child, options.executablePath);

  const [, , , toBrowser, fromBrowser] = child.stdio;
  if (!(toBrowser instanceof Writable) || !(fromBrowser instanceof Readable))
    throw new BrowserStartError(await ended);
  const giveUp = (): void => killTree(child);
  const timer = setTimeout(giveUp, startMsMax);
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
        const closeTimer = setTimeout(() => killTree(child), closeMsMax);
        await browser.close().catch(() => undefined);
        await ended;
        clearTimeout(closeTimer);
      },
    };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', giveUp);
  }
}

async function spawnBrowser({
  executablePath,
  profile,
  flags,
}: Parameters<typeof startChromium>[0]): Promise<ChildProcess> {
  const args = [
    ...(await puppeteer.defaultArgs({ headless: true, userDataDir: profile, args: [...flags] })),
    '--remote-debugging-pipe',
  ];
  const child = spawn(executablePath, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    // Its own process group: Ctrl-C reaches only the supervisor, which then drains, and the group
    // can be killed as one.
    detached: process.platform !== 'win32',
    // The browser must not see secrets of this program, above all the token.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/TOKEN|KEY|SECRET|PASSWORD/.test(name)),
    ),
  });
  alive.add(child);
  return child;
}

/** Resolves when the browser and its pipes are gone, with one line on how it ended. */
function endOf(child: ChildProcess, executablePath: string): Promise<string> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-stderrCharsMax);
  });
  return new Promise<string>((resolve) => {
    const finish = (how: string): void => {
      alive.delete(child);
      resolve(`${how}${lastWords(stderr)}`);
    };
    // Its child processes hold the pipes too, and one that is frozen would never close them.
    child.once('exit', () => killGroup(child));
    child.once('error', (error) =>
      finish(`the browser ${executablePath} cannot be run: ${error.message}`),
    );
    child.once('close', (code, signal) =>
      finish(`the browser ended by ${signal ?? `exit code ${code}`}`),
    );
  });
}

/**
 * The last error that the browser wrote, to follow a sentence on its end. For the two errors with a
 * known remedy, the remedy.
 */
function lastWords(stderr: string): string {
  if (/No usable sandbox|--no-sandbox/.test(stderr))
    return (
      ': its sandbox cannot work here; allow unprivileged user namespaces, or set ' +
      'VECTORSTREAM_BROWSER_SANDBOX=off if you serve only gateways that you trust'
    );
  const missing = /error while loading shared libraries: (\S+):/.exec(stderr)?.[1];
  if (missing !== undefined)
    return (
      `: its library ${missing} is missing; ` +
      'install the browser with your package manager, which also installs its libraries'
    );
  const line = stderr
    .split('\n')
    .findLast((text) => /error|fatal|fail/i.test(text) && !/dbus|UPower/i.test(text));
  return line === undefined ? '' : `: ${line.replace(/^\[[^\]]*\]\s*/, '').slice(0, 200)}`;
}

function killTree(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) killGroup(child);
}

/** Kills all processes of the group, even after the child itself has ended. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of them have ended already.
  }
}
