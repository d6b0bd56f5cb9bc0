// Keeps headless browsers joined to gateways until it is stopped; every failure ends in one line.

import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir, hostname, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import puppeteer from 'puppeteer';
import { at } from '#core/errors/assert.ts';
import { mayHaveGpu } from '#core/runner/gpu-hint.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import { runUntilStopped } from '#core/runner/run-until-stopped.ts';
import { supervise, type Worker } from '#core/runner/supervisor.ts';
import { systemClock } from '#core/time/clock.ts';
import packageJson from '../package.json' with { type: 'json' };
import { createLog, type Log } from './browser-runner-log.ts';
import { help, parseOptions, type BrowserRunnerOptions } from './browser-runner-options.ts';
import { startBrowserWorker } from './browser-worker.ts';
import { findBrowser } from './find-browser.ts';
import {
  browserCandidates,
  browserMemoryMax,
  gpuHints,
  type BrowserCandidate,
} from './launch-candidates.ts';
import { launchFlags } from './launch-flags.ts';
import { openRunnerPage } from './runner-page.ts';
import { createStatusFile } from './status-file.ts';
import { trustedKeysOf } from './trusted-key.ts';
import { claimWorkFolder } from './work-folder.ts';

/** The drain and the closing of the browser must fit into the 5 s that Ctrl-C may take. */
const drainMsMax = 3_500;

/** Where a gateway serves the runner page. */
const pagePath = '/runner';

export async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  process.exitCode = await runUntilStopped(process, hasTerminal(), async (stop) => {
    const options = parseOptions(argv, environment, {
      hostName: hostname(),
      terminal: process.stdout.isTTY,
    });
    if (options === 'help') process.stdout.write(`${help}\n`);
    else if (options === 'version') process.stdout.write(`${packageJson.version}\n`);
    else if (options === 'check') process.stdout.write(`${await browserOf(environment)}\n`);
    else await run(options, environment, stop);
  });
  // The channel to the program that started this one would keep the process alive.
  if (process.connected) process.disconnect();
}

const hasTerminal = (): boolean => [0, 1, 2].some((descriptor) => isatty(descriptor));

async function run(
  options: BrowserRunnerOptions,
  environment: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<void> {
  const log = createLog({ level: options.logLevel, format: options.logFormat });
  const executablePath = await browserOf(environment);
  const trustedKeys = options.tlsCa === null ? [] : await trustedKeysOf(options.tlsCa);
  const hasGpu = mayHaveGpu(process.platform, namesIn);
  const gpuHint = gpuHints[process.platform] ?? 'see docs/browser-runner.md';
  if (!hasGpu && options.device === 'auto' && options.adapter === 'auto')
    log.warn(
      { hint: gpuHint },
      'found no GPU on this machine: embedding on the processor with WebAssembly',
    );
  await using folder = await claimWorkFolder(options.dataDir);
  log.info({ browser: executablePath, folder: folder.path }, 'browser found');

  const pages = pageAddresses(options.gatewayUrls);
  const browsers = pages.length * options.runners;
  await supervise({
    candidates: browserCandidates(options, hasGpu),
    layoutFor: () => ({
      processes: browsers,
      threads: options.threads === 'auto' ? 0 : options.threads,
    }),
    start: (candidate, _, slot) =>
      startSlot({
        options,
        candidate,
        slot,
        page: at(pages, slot % pages.length),
        browsers,
        executablePath,
        trustedKeys,
        gpuHint,
        folder: folder.path,
        log,
      }),
    clock: systemClock,
    log,
    signal: stop,
    drainMsMax,
  });
}

const browserOf = (environment: NodeJS.ProcessEnv): Promise<string> =>
  findBrowser({
    platform: process.platform,
    environment,
    home: homedir(),
    puppeteerPath: () => puppeteer.executablePath(),
    isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  });

/**
 * One address for each gateway, however often it is named: a page connects only to the gateway that
 * it comes from.
 */
function pageAddresses(gatewayUrls: readonly string[]): readonly URL[] {
  const addresses = gatewayUrls.map((url) => new URL(pagePath, url.replace(/^ws/, 'http')).href);
  return [...new Set(addresses)].map((address) => new URL(address));
}

/** Starts the browser of one slot, with a profile and a status file of its own. */
function startSlot({
  options,
  candidate,
  slot,
  page,
  browsers,
  executablePath,
  trustedKeys,
  gpuHint,
  folder,
  log,
}: {
  readonly options: BrowserRunnerOptions;
  readonly candidate: BrowserCandidate;
  readonly slot: number;
  readonly page: URL;
  /** Browsers that share the machine's memory. */
  readonly browsers: number;
  readonly executablePath: string;
  readonly trustedKeys: readonly string[];
  readonly gpuHint: string;
  readonly folder: string;
  readonly log: Log;
}): Worker {
  const name = `${options.name}-${slot + 1}`;
  const slotLog = log.child({ runner: name, gateway: page.origin });
  const profile = resolve(folder, `profile-${slot + 1}`);
  const flags = launchFlags({
    platform: process.platform,
    graphics: candidate.graphics,
    origins: [page.origin],
    trustedKeys,
    // Chromium's sandbox does not work for root.
    sandbox: options.sandbox === 'on' || (options.sandbox === 'auto' && process.getuid?.() !== 0),
  });
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return startBrowserWorker({
    open: (signal) => openRunnerPage({ executablePath, profile, flags, log: slotLog }, signal),
    address: page.href,
    config: () => pageConfigOf(options, candidate, name),
    profile,
    memoryBytesMax: browserMemoryMax(options.memoryMib, memoryBytes, browsers),
    gpu:
      candidate.graphics === 'gpu'
        ? { needed: candidate.device === 'webgpu', hint: gpuHint }
        : null,
    statusFile: createStatusFile(join(folder, `status-${slot + 1}.json`), () => systemClock.now()),
    clock: systemClock,
    log: slotLog,
  });
}

/** Reads the token at every call: a gateway that starts later writes it only then. */
async function pageConfigOf(
  { token, dataDir, speedupMin, threads }: BrowserRunnerOptions,
  { device, dtype }: BrowserCandidate,
  name: string,
): Promise<PageConfig | string> {
  const file = join(dataDir, 'runner-token');
  const found = token ?? (await readFile(file, 'utf8').catch(() => '')).trim();
  if (found === '')
    return (
      'There is no runner token: set VECTORSTREAM_RUNNER_TOKEN, ' +
      `or start a gateway on this machine, which writes ${file}.`
    );
  return {
    token: found,
    name,
    device,
    dtype,
    speedupMin,
    threads: threads === 'auto' ? 0 : threads,
  };
}

/** Empty when the folder cannot be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
