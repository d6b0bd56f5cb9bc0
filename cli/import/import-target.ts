// Connects an import to the gateway that --target names, to the one that runs on this machine, or
// to one that is started for the import.

import { DependencyError, UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import type { VectorStreamClient } from '../../client/client.ts';
import { holderOf } from '../../system/folder-holder.ts';
import {
  connectGateway,
  defaultGatewayUrl,
  requireHttpUrl,
} from '../gateway/gateway-connection.ts';
import { startGateway, type GatewayProcess } from '../gateway/gateway-process.ts';
import { untilReady } from '../gateway/gateway-readiness.ts';
import { statsWithCounts, storedCountsOf, type StoredCounts } from '../gateway/stored-counts.ts';
import type { ImportTarget, Settled } from './import-run.ts';
import type { Refusals } from './ordered-sender.ts';

export type TargetOptions = {
  /** `null`: the gateway of this machine. */
  readonly url: string | null;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that Node runs when no gateway is there. */
  readonly gatewayScript: string;
  readonly clock: Clock;
  /** Begin nothing new. */
  readonly stop: AbortSignal;
  /** Also end what is in flight. */
  readonly abandon: AbortSignal;
  readonly say: (line: string) => void;
  /** Called while the gateway is not ready, with what it waits for. */
  readonly onWait: (reason: string) => void;
};

const retryForMs = 10 * 60_000;
const readyMsMax = 180_000;
const readyPollMs = 100;
const searchablePollMs = 300;

/**
 * @throws UsageError when the address is wrong or something else answers there; DependencyError
 *   when nothing answers
 */
export async function connectTarget(options: TargetOptions): Promise<ImportTarget> {
  const { environment, clock, stop, abandon, onWait } = options;
  const given = options.url ?? defaultGatewayUrl(environment);
  requireHttpUrl(given);
  const apiKey = environment['VECTORSTREAM_API_KEY'] ?? null;
  const { url, client, throwExplained } = connectGateway({
    url: given,
    apiKey,
    retryForMs,
    onWait,
  });
  const isRunning = options.url !== null || (await isGatewayHere(url, options));
  const own = isRunning ? null : await startOwnGateway(url, options);
  const signal = own === null ? abandon : AbortSignal.any([abandon, own.gone]);
  try {
    if (own !== null) await untilOwnReady(client, own, AbortSignal.any([stop, own.gone]), options);
    const { counts } = await statsWithCounts(client, clock, signal);
    return {
      url,
      own: own !== null,
      post: (lines) => post(client, url, lines, signal).catch(throwExplained),
      searchable: (stopWaiting, onLeft) =>
        untilSearchable(
          client,
          counts,
          clock,
          AbortSignal.any([stopWaiting, signal]),
          (...left) => {
            own?.reportWarnings();
            onLeft(...left);
          },
        ).catch(throwExplained),
      [Symbol.asyncDispose]: async () => {
        await own?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await own?.[Symbol.asyncDispose]();
    // A gateway that somebody started at the same time has taken the data folder.
    if (own?.gone.aborted && !stop.aborted && holderOf(options.dataDir) !== null)
      return connectTarget(options);
    return throwExplained(error);
  }
}

/** Resolves when everything accepted is searchable, with what store and queue gained. */
async function untilSearchable(
  client: VectorStreamClient,
  before: StoredCounts,
  clock: Clock,
  signal: AbortSignal,
  onLeft: (left: number, note: string) => void,
): Promise<Settled> {
  for (;;) {
    const stats = await client.stats({ signal });
    const { lag, unsettled } = stats.events;
    const left = Math.max(lag ?? 0, unsettled);
    const isWorking = left === 0 || stats.runners.some(({ state }) => state === 'ready');
    const reason = lag === null ? 'waiting for the event log' : 'waiting for a runner';
    onLeft(left, isWorking && lag !== null ? '' : reason);
    const counts = storedCountsOf(stats);
    if (lag === 0 && unsettled === 0 && counts !== null)
      return {
        added: counts.events - before.events,
        deadLettered: counts.deadLetters - before.deadLetters,
      };
    await clock.sleep(searchablePollMs, signal);
  }
}

async function startOwnGateway(
  url: string,
  { environment, gatewayScript, dataDir, clock, stop, say }: TargetOptions,
): Promise<GatewayProcess> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const gateway = await startGateway({
    command: [process.execPath, gatewayScript],
    folder: process.cwd(),
    host,
    port: Number(port || 80),
    dataDir,
    logName: 'import-gateway.log',
    portSetting: 'VECTORSTREAM_PORT',
    clock,
    say,
    env: {
      ...environment,
      VECTORSTREAM_HOST: host,
      VECTORSTREAM_PORT: port || '80',
      VECTORSTREAM_DATA_DIR: dataDir,
      LOG_FORMAT: 'json',
    },
  });
  stop.addEventListener('abort', () => gateway.expectEnd(), { once: true });
  return gateway;
}

async function untilOwnReady(
  client: VectorStreamClient,
  gateway: GatewayProcess,
  signal: AbortSignal,
  { clock, onWait }: TargetOptions,
): Promise<void> {
  await untilReady({
    client,
    clock,
    signal,
    pollMs: readyPollMs,
    timeoutMs: readyMsMax,
    hint: `Its log is ${gateway.logPath}.`,
    onWait(reason) {
      gateway.reportWarnings();
      onWait(reason);
    },
  });
  gateway.setReady();
}

/**
 * Sends lines that passed the gateway's own check here, so the answer must say of every refused
 * line why it was refused.
 *
 * @throws DependencyError when it does not: a gateway of another version
 */
async function post(
  client: VectorStreamClient,
  url: string,
  lines: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<Refusals> {
  const { accepted, rejected, items } = await client.events.sendLines(lines, {
    onInvalid: 'reject',
    signal,
  });
  const refusals = new Map(
    items
      .filter(({ status }) => status === 'rejected')
      .map(({ index, error }) => [index, error?.message ?? 'no reason given'] as const),
  );
  if (accepted + rejected === lines.length && refusals.size === rejected) return refusals;
  throw new DependencyError(
    'gateway',
    'gateway_answer',
    `${url} accepted ${accepted} and rejected ${rejected} of ${lines.length} events, ` +
      `with ${refusals.size} reasons; is the gateway of another version?`,
    { retryable: false },
  );
}

/**
 * Whether a gateway runs on this machine; one that has just been started is waited for.
 *
 * @throws UsageError when a process keeps the data folder and answers elsewhere or not at all
 */
async function isGatewayHere(
  url: string,
  { dataDir, clock, stop, onWait }: TargetOptions,
): Promise<boolean> {
  const giveUpAt = clock.monotonic() + readyMsMax;
  for (;;) {
    if (await isGatewayAt(url)) return true;
    const holder = holderOf(dataDir);
    if (holder === null) return false;
    if (clock.monotonic() > giveUpAt)
      throw new UsageError(
        `Process ${holder} uses the data folder ${dataDir}, but no gateway answers at ${url}: ` +
          'name its address with --target, or another folder with --data-dir.',
      );
    onWait(`the gateway of process ${holder} is starting`);
    await clock.sleep(readyPollMs, stop);
  }
}

/** False when nothing listens there. */
async function isGatewayAt(url: string): Promise<boolean> {
  const response = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(10_000) }).catch(
    (error: unknown) => {
      const cause = error instanceof Error ? error.cause : null;
      if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return null;
      throw notAGateway(url, 'no answer to /livez', error);
    },
  );
  await response?.body?.cancel();
  if (response !== null && !response.ok)
    throw notAGateway(url, `${response.status} to /livez`, null);
  return response !== null;
}

function notAGateway(url: string, answer: string, cause: unknown): UsageError {
  return new UsageError(
    `${url}: what listens there is not a gateway (${answer}); ` +
      'name one with --target, or set a free VECTORSTREAM_PORT',
    { cause },
  );
}
