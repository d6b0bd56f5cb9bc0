// Talks to a gateway over HTTP, waits while it cannot take more, and says in one line what is wrong
// when it never can.

import { DependencyError, UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';

export type RunnerStats = {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly device: string;
  readonly dtype: string;
  readonly state: string;
  readonly texts_per_second: number;
  readonly texts_embedded: number;
};

/** What `GET /stats` answers: counts since the gateway started, except `store` and `dead_letters`. */
export type GatewayStats = {
  readonly started_at: string;
  /** `stored` includes what was superseded. */
  readonly events: {
    readonly received: number;
    readonly stored: number;
    readonly superseded: number;
    readonly dead_lettered: number;
    readonly unsettled: number;
    readonly lag: number;
  };
  readonly latency_ms: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly texts: {
    readonly unique_seen: number;
    readonly embedded: number;
    readonly cache_hits: number;
    readonly cache_misses: number;
  };
  readonly store: { readonly texts: number; readonly events: number };
  readonly dead_letters: { readonly open: number };
  readonly runners: readonly RunnerStats[];
  readonly memory: { readonly rss_bytes: number };
};

export type SearchAnswer = {
  readonly took_ms: number;
  readonly hits: readonly {
    readonly score: number;
    readonly text: string;
    readonly product: { readonly name: string; readonly price: number } | null;
    readonly events: { readonly total: number; readonly by_type: Readonly<Record<string, number>> };
  }[];
};

/** How many events of one request became what; the three add up to the number sent. */
export type PostCounts = {
  readonly accepted: number;
  readonly rejected: number;
  readonly deadLettered: number;
};
/** The gateway's reasons by index of the lines that it rejected. */
export type Refusals = ReadonlyMap<number, string>;
export type PostResult = PostCounts & { readonly refusals: Refusals };

export type GatewayClient = {
  readonly url: string;
  /**
   * Sends NDJSON lines and resolves when the gateway has made them durable. While it is full, busy
   * or not there, the same lines are sent again, so an event may arrive twice; its id makes that
   * harmless. Throws `DependencyError` when the gateway refuses, or stays away longer than
   * `patienceMs`.
   */
  postEvents(
    lines: readonly Uint8Array[],
    options: { readonly onInvalid: 'reject' | 'dead_letter'; readonly signal?: AbortSignal },
  ): Promise<PostResult>;
  stats(signal?: AbortSignal): Promise<GatewayStats>;
  /** Open, replayed and purged dead letters together, by reason. */
  deadLettersByReason(signal?: AbortSignal): Promise<Readonly<Record<string, number>>>;
  search(query: string, limit: number, signal?: AbortSignal): Promise<SearchAnswer>;
  /** `null` when ready, else one line that says what it waits for. Never throws but for the signal. */
  unreadiness(signal?: AbortSignal): Promise<string | null>;
};

export type GatewayClientOptions = {
  readonly url: string;
  readonly apiKey: string | null;
  readonly clock: Clock;
  /** How long one call goes on trying. */
  readonly patienceMs: number;
  /** Told once per wait, so that nobody wonders why nothing moves. */
  readonly onWait: (reason: string) => void;
};

const attemptMsMax = 60_000;
const backoffMsMin = 200;
const backoffMsMax = 5000;
const lineBreak = new Uint8Array([10]);

/** Where a gateway of this machine listens, by the environment. Throws `UsageError`. */
export function defaultGatewayUrl(env: Readonly<Record<string, string | undefined>>): string {
  const host = env['VECTORSTREAM_HOST'] ?? '127.0.0.1';
  const port = env['VECTORSTREAM_PORT'] ?? '8080';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new UsageError(
      `VECTORSTREAM_PORT is "${port}"; allowed is a whole number from 1 to 65535.`,
    );
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
  if (!URL.canParse(url))
    throw new UsageError(`VECTORSTREAM_HOST is "${host}"; allowed is a host name or an address.`);
  return url;
}

export function createGatewayClient({
  url,
  apiKey,
  clock,
  patienceMs,
  onWait,
}: GatewayClientOptions): GatewayClient {
  const root = url.replace(/\/+$/, '');

  const attempt = async (
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (apiKey !== null) headers.set('authorization', `Bearer ${apiKey}`);
    const timeout = AbortSignal.timeout(attemptMsMax);
    return await fetch(`${root}${path}`, {
      ...init,
      headers,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
  };

  /** The answer's JSON, with its status; sent again while that may help and patience lasts. */
  const call = async (
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; body: unknown }> => {
    const giveUpAt = clock.monotonic() + patienceMs;
    for (let tries = 0; ; tries += 1) {
      const outcome = await attempt(path, init, signal)
        .then(
          async (response) => ({ response, body: parseJson(await response.text()) }),
          (error: unknown) => ({ error }),
        )
        .catch((error: unknown) => ({ error }));
      signal?.throwIfAborted();
      if (!('error' in outcome) && !mayPass(outcome.response.status))
        return { status: outcome.response.status, body: outcome.body };

      const reason =
        'error' in outcome
          ? `cannot be reached (${causeOf(outcome.error)})`
          : answerOf(outcome.response.status, outcome.body);
      const waitMs = Math.max(
        retryAfterMs('error' in outcome ? null : outcome.response),
        Math.min(backoffMsMax, backoffMsMin * 2 ** tries),
      );
      if (clock.monotonic() + waitMs > giveUpAt) {
        throw new DependencyError(
          'gateway',
          'gateway_unavailable',
          `The gateway at ${root} ${reason}; gave up after ${Math.round(patienceMs / 1000)} s. Start it with npm start, or name another with --target.`,
          { retryable: true },
        );
      }
      if (tries === 0) onWait(`the gateway ${reason}; trying again`);
      await clock.sleep(waitMs, signal);
    }
  };

  const ask = async (
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<unknown> => {
    const { status, body } = await call(path, init, signal);
    if (status < 300) return body;
    throw refusal(root, status, body);
  };

  return {
    url: root,
    async postEvents(lines, { onInvalid, signal }) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: new Blob(lines.flatMap((line) => [new Uint8Array(line), lineBreak])),
      };
      const { status, body } = await call(`/events?on_invalid=${onInvalid}`, init, signal);
      if (status === 413 && lines.length > 1) {
        const middle = Math.ceil(lines.length / 2);
        const first = await this.postEvents(lines.slice(0, middle), {
          onInvalid,
          ...(signal && { signal }),
        });
        const second = await this.postEvents(lines.slice(middle), {
          onInvalid,
          ...(signal && { signal }),
        });
        return {
          accepted: first.accepted + second.accepted,
          rejected: first.rejected + second.rejected,
          deadLettered: first.deadLettered + second.deadLettered,
          refusals: new Map([
            ...first.refusals,
            ...Array.from(second.refusals, ([index, reason]) => [middle + index, reason] as const),
          ]),
        };
      }
      const result = resultOf(body);
      if (result === null) throw refusal(root, status, body);
      return result;
    },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the gateway's own documented shape
    stats: async (signal) => (await ask('/stats', {}, signal)) as GatewayStats,
    async deadLettersByReason(signal) {
      const counts = member(await ask('/dlq/stats', {}, signal), 'by_reason');
      return Object.fromEntries(
        Object.entries(counts ?? {}).map(([reason, count]) => [reason, Number(count)]),
      );
    },
    async search(query, limit, signal) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, limit }),
      };
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the gateway's own documented shape
      return (await ask('/search', init, signal)) as SearchAnswer;
    },
    async unreadiness(signal) {
      try {
        const response = await attempt('/readyz', {}, signal);
        const body = parseJson(await response.text());
        return response.ok ? null : (textIn(body, 'detail') ?? `it answered ${response.status}`);
      } catch (error) {
        signal?.throwIfAborted();
        return `it is starting (${causeOf(error)})`;
      }
    },
  };
}

/**
 * Trouble that goes away: too many requests, and a gateway that is starting, stopping or waiting
 * for another part.
 */
const mayPass = (status: number): boolean =>
  status === 429 || status === 502 || status === 503 || status === 504;

function retryAfterMs(response: Response | null): number {
  const seconds = Number(response?.headers.get('retry-after') ?? '0');
  return Number.isFinite(seconds) ? Math.min(60, Math.max(0, seconds)) * 1000 : 0;
}

function resultOf(body: unknown): PostResult | null {
  const accepted = numberIn(body, 'accepted');
  const rejected = numberIn(body, 'rejected');
  if (accepted === null || rejected === null) return null;
  return {
    accepted,
    rejected,
    deadLettered: numberIn(body, 'dead_lettered') ?? 0,
    refusals: refusalsOf(member(body, 'items')),
  };
}

function refusalsOf(items: unknown): Refusals {
  const rejected = Array.isArray(items)
    ? items.filter((item) => textIn(item, 'status') === 'rejected')
    : [];
  return new Map(
    rejected.map((item) => [
      numberIn(item, 'index') ?? -1,
      textIn(member(item, 'error'), 'message') ?? 'no reason given',
    ]),
  );
}

function refusal(root: string, status: number, body: unknown): DependencyError {
  const hint =
    status === 401 || status === 403 ? ' Set VECTORSTREAM_API_KEY to the gateway’s key.' : '';
  return new DependencyError(
    'gateway',
    'gateway_refused',
    `The gateway at ${root} ${answerOf(status, body)}.${hint}`,
    { retryable: false },
  );
}

function answerOf(status: number, body: unknown): string {
  const detail = textIn(body, 'detail');
  return `answered ${status}${detail === null ? '' : `: ${detail.replace(/\.$/, '')}`}`;
}

/** The innermost reason of a failed fetch: `ECONNREFUSED` says more than `fetch failed`. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error)
    return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.name === 'TimeoutError' ? 'no answer in time' : error.message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function member(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;
}

function numberIn(body: unknown, name: string): number | null {
  const value = member(body, name);
  return typeof value === 'number' ? value : null;
}

function textIn(body: unknown, name: string): string | null {
  const value = member(body, name);
  return typeof value === 'string' ? value : null;
}
