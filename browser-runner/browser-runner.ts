// Keeps headless browsers joined to gateways until told to stop; ends in one line whatever goes
// wrong.

import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir, hostname, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import puppeteer from 'puppeteer';
import { UsageError, VectorStreamError } from '#core/errors/errors.ts';
import { mayHaveGpu } from '#core/runner/gpu-hint.ts';
import type { PageConfig } from '#core/runner/page-config.ts';
import { supervise, type Worker } from '#core/runner/supervisor.ts';
import { systemClock } from '#core/time/clock.ts';
import { createLog } from './browser-runner-log.ts';
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
import { claimWorkplace } from './work-folder.ts';

/** With the time to close the browser, still inside the 5 s that Ctrl-C may take. */
const drainMsMax = 3_500;

/** Where a gateway serves the runner page. */
const pagePath = '/runner';

const stopping = new AbortController();

export async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  process.on('SIGTERM', () => stopping.abort());
  process.on('SIGINT', () => {
    // The second Ctrl-C is impatience; browsers are killed on exit.
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
  });
  try {
    const options = parseOptions(argv, environment, {
      hostName: hostname(),
      terminal: process.stdout.isTTY,
    });
    if (options === 'help') process.stdout.write(`${help}\n`);
    else await run(options, environment);
  } catch (error) {
    if (!stopping.signal.aborted) {
      process.stderr.write(
        `${error instanceof VectorStreamError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
      );
      process.exitCode = error instanceof UsageError ? 2 : 1;
    }
  }
}

async function run(options: BrowserRunnerOptions, environment: NodeJS.ProcessEnv): Promise<void> {
  const log = createLog({ level: options.logLevel, format: options.logFormat });
  const executablePath = await findBrowser({
    platform: process.platform,
    environment,
    home: homedir(),
    puppeteers: () => puppeteer.executablePath(),
    isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  });
  const trustedKeys = options.tlsCa === null ? [] : await trustedKeysOf(options.tlsCa);
  const gpu = mayHaveGpu(process.platform, namesIn);
  const gpuHint = gpuHints[process.platform] ?? 'see docs/browser-runner.md';
  if (!gpu && options.device === 'auto' && options.adapter === 'auto')
    log.warn(
      { hint: gpuHint },
      'this machine shows no GPU: embedding with the processor, by WebAssembly',
    );
  await using workplace = await claimWorkplace(options.dataDir);
  log.info({ browser: executablePath, folder: workplace.folder }, 'browser found');

  // A page speaks to the gateway that it comes from; each gateway has pages of its own, whichever
  // way it is named.
  const gateways = [
    ...new Set(
      options.gatewayUrls.map((url) => new URL(pagePath, url.replace(/^ws/, 'http')).href),
    ),
  ].map((address) => new URL(address));
  const browsers = gateways.length * options.runners;
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);

  const start = (candidate: BrowserCandidate, slot: number): Worker => {
    const name = `${options.name}-${slot + 1}`;
    const gateway = gateways[slot % gateways.length];
    if (gateway === undefined)
      throw new Error('There is at least one gateway. This is a bug in VectorStream.');
    const slotLog = log.child({ runner: name, gateway: gateway.origin });
    const profile = resolve(workplace.folder, `profile-${slot + 1}`);
    const flags = launchFlags({
      platform: process.platform,
      graphics: candidate.graphics,
      origins: [gateway.origin],
      trustedKeys,
      // Chromium refuses root its sandbox.
      sandbox: options.sandbox === 'on' || (options.sandbox === 'auto' && process.getuid?.() !== 0),
    });
    return startBrowserWorker({
      open: (signal) => openRunnerPage({ executablePath, profile, flags, log: slotLog }, signal),
      address: gateway.href,
      orders: () => ordersOf(options, candidate, name),
      profile,
      memoryBytesMax: browserMemoryMax(options.memoryMib, memoryBytes, browsers),
      gpu:
        candidate.graphics === 'gpu'
          ? { needed: candidate.device === 'webgpu', hint: gpuHint }
          : null,
      statusFile: createStatusFile(join(workplace.folder, `status-${slot + 1}.json`), () =>
        systemClock.now(),
      ),
      clock: systemClock,
      log: slotLog,
    });
  };

  await supervise({
    candidates: browserCandidates(options, gpu),
    layoutFor: () => ({
      processes: browsers,
      threads: options.threads === 'auto' ? 0 : options.threads,
    }),
    start: (candidate, _, slot) => start(candidate, slot),
    clock: systemClock,
    log,
    signal: stopping.signal,
    drainMsMax,
  });
}

/** The token anew for every attempt: a gateway that starts later writes it then. */
async function ordersOf(
  { token, dataDir, threads }: BrowserRunnerOptions,
  { device, dtype }: BrowserCandidate,
  name: string,
): Promise<PageConfig | string> {
  const file = join(dataDir, 'runner-token');
  const found = token ?? (await readFile(file, 'utf8').catch(() => '')).trim();
  if (found === '')
    return `There is no runner token: set VECTORSTREAM_RUNNER_TOKEN, or start a gateway on this machine, which writes ${file}.`;
  return { token: found, name, device, dtype, threads: threads === 'auto' ? 0 : threads };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
