// Connects an import to the gateway named, to the one running here, or to one started for its
// duration.

import { join } from 'node:path';
import { DependencyError, UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import {
  createGatewayClient,
  defaultGatewayUrl,
  type GatewayClient,
  type Refusals,
} from '../gateway-client.ts';
import { type GatewayProcess, startGateway } from '../gateway-process.ts';
import type { Target } from './import-run.ts';

export type TargetOptions = {
  /** `null`: the gateway of this machine. */
  readonly url: string | null;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Begin nothing new. */
  readonly stop: AbortSignal;
  /** Leave what is under way, too. */
  readonly abandon: AbortSignal;
  readonly say: (line: string) => void;
  /** Called while the gateway is not ready, with what it waits for. */
  readonly onWait: (reason: string) => void;
};

const patienceMs = 10 * 60_000;
const readyMsMax = 180_000;
const readyPollMs = 100;
const searchablePollMs = 300;
const gatewayScript = join(import.meta.dirname, '../../gateway/main.ts');

/**
 * Throws `UsageError` for an address that is none or where something else answers,
 * `DependencyError` when nobody does.
 */
export async function connectTarget(options: TargetOptions): Promise<Target> {
  const { environment, clock, stop, abandon, onWait } = options;
  const url = checkedUrl(options.url ?? defaultGatewayUrl(environment));
  const client = createGatewayClient({
    url,
    apiKey: environment['VECTORSTREAM_API_KEY'] ?? null,
    clock,
    patienceMs,
    onWait,
  });
  const own =
    options.url === null && !(await isGatewayAt(url)) ? await startOwn(url, options) : null;
  const leave = own === null ? abandon : AbortSignal.any([abandon, own.gone]);
  try {
    if (own !== null) await untilReady(client, own, AbortSignal.any([stop, own.gone]), options);
    const before = await client.stats(leave);
    return {
      url: client.url,
      own: own !== null,
      post: (lines) => refusalsOf(client, lines, leave),
      async searchable(signal, onLeft) {
        const either = AbortSignal.any([signal, leave]);
        for (;;) {
          const { events, runners, store, dead_letters: letters } = await client.stats(either);
          own?.readLog();
          const left = Math.max(events.lag, events.unsettled);
          onLeft(
            left,
            left === 0 || runners.some(({ state }) => state === 'ready')
              ? ''
              : 'waiting for a runner',
          );
          if (left === 0)
            return {
              added: store.events - before.store.events,
              deadLettered: letters.open - before.dead_letters.open,
            };
          await clock.sleep(searchablePollMs, either);
        }
      },
      [Symbol.asyncDispose]: async () => {
        await own?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await own?.[Symbol.asyncDispose]();
    throw error;
  }
}

async function startOwn(
  url: string,
  { environment, dataDir, clock, stop, say }: TargetOptions,
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

async function untilReady(
  client: GatewayClient,
  gateway: GatewayProcess,
  signal: AbortSignal,
  { clock, onWait }: TargetOptions,
): Promise<void> {
  const giveUpAt = clock.monotonic() + readyMsMax;
  for (
    let reason = await client.unreadiness(signal);
    reason !== null;
    reason = await client.unreadiness(signal)
  ) {
    gateway.readLog();
    if (clock.monotonic() > giveUpAt) {
      throw new DependencyError(
        'gateway',
        'gateway_unavailable',
        `The gateway started for this import is not ready after ${readyMsMax / 1000} s: ${reason}. Its log is ${gateway.logPath}.`,
        { retryable: false },
      );
    }
    onWait(reason);
    await clock.sleep(readyPollMs, signal);
  }
  gateway.isReady();
}

/**
 * Every line passed the same check here: an answer that does not say which were refused, and why,
 * is no gateway's of this version.
 */
async function refusalsOf(
  client: GatewayClient,
  lines: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<Refusals> {
  const { accepted, rejected, refusals } = await client.postEvents(lines, {
    onInvalid: 'reject',
    signal,
  });
  if (accepted + rejected === lines.length && refusals.size === rejected) return refusals;
  throw new DependencyError(
    'gateway',
    'gateway_answer',
    `${client.url} took ${accepted} and refused ${rejected} of ${lines.length} events, with ${refusals.size} reasons; is the gateway of another version?`,
    { retryable: false },
  );
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
    `${url}: what listens there is not a gateway (${answer}); name one with --target, or set a free VECTORSTREAM_PORT`,
    { cause },
  );
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '');
  throw new UsageError(`--target ${url}: is not an address such as http://127.0.0.1:8080`);
}
