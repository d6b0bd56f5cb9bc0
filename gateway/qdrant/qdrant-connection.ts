// Sends requests to Qdrant: each ends in an answer, or in a DependencyError that says whether the
// same call may succeed later.

import {
  QdrantClient,
  QdrantClientResourceExhaustedError,
  QdrantClientTimeoutError,
} from '@qdrant/js-client-rest';
import { DependencyError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { isLoopback } from '../config/network.ts';

export type QdrantAddress = {
  /** `http(s)://host[:port][/prefix]`; the default port is 6333, Qdrant's own. */
  readonly url: string;
  readonly apiKey: string | null;
  /** A request that takes longer is cancelled. */
  readonly timeoutMs: number;
  readonly clock: Clock;
};

/**
 * Makes one or more calls and reads their answers; `what` names them in an error. Every failure
 * inside becomes a `DependencyError`. Only a refusal of the request's content is not retryable, so
 * that no event is blamed for a problem of the server, the network or the configuration.
 */
type Ask = <T>(what: string, call: (client: QdrantClient) => Promise<T>) => Promise<T>;

export type Qdrant = {
  /** The calls change nothing: they are made once more when their connection breaks. */
  readonly read: Ask;
  /** A write whose connection breaks may have been applied. Whoever asked decides what to do. */
  readonly write: Ask;
};

/**
 * Qdrant closes a connection that was idle for 5 s, and the client's pool of connections would keep
 * it for 10 s. A pool that is older than this gets no new requests, so none of its connections can
 * have been idle for longer.
 */
const poolMsMax = 4_000;

export function connectQdrant({ url, apiKey, timeoutMs, clock }: QdrantAddress): Qdrant {
  const { origin, port, prefix, isLocal } = endpointOf(url);
  const openPool = () => ({
    openedAt: clock.monotonic(),
    client: new QdrantClient({
      url: origin,
      port,
      prefix,
      timeout: timeoutMs,
      checkCompatibility: false,
      headers: {
        // The client's own `apiKey` option prints a warning when the connection is not encrypted.
        ...(apiKey !== null && { 'api-key': apiKey }),
        // On one machine, compression saves nothing and takes time at both ends.
        ...(isLocal && { 'accept-encoding': 'identity' }),
      },
    }),
  });
  // The connections of an old pool finish their requests, and then close themselves.
  let pool = openPool();
  const client = (): QdrantClient => {
    if (clock.monotonic() - pool.openedAt >= poolMsMax) pool = openPool();
    return pool.client;
  };
  const failed = (error: unknown, what: string): DependencyError =>
    error instanceof DependencyError
      ? error
      : asDependencyError(
          error,
          `Qdrant at ${origin}:${port}${prefix} could not ${what}`,
          timeoutMs,
        );

  return {
    async read(what, call) {
      try {
        return await call(client()).catch((error: unknown) => {
          if (!isBrokenConnection(error)) throw error;
          pool = openPool();
          return call(pool.client);
        });
      } catch (error) {
        throw failed(error, what);
      }
    },
    async write(what, call) {
      try {
        return await call(client());
      } catch (error) {
        throw failed(error, what);
      }
    },
  };
}

const isNetworkError = (error: Error): boolean =>
  error instanceof TypeError &&
  (error.message === 'fetch failed' || error.message === 'terminated');

const brokenCodes: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** Whether a connection that was open broke before the answer was complete. */
const isBrokenConnection = (error: unknown): boolean =>
  error instanceof Error &&
  isNetworkError(error) &&
  error.cause instanceof Error &&
  'code' in error.cause &&
  brokenCodes.includes(error.cause.code);

function endpointOf(text: string): {
  readonly origin: string;
  readonly port: number;
  readonly prefix: string;
  readonly isLocal: boolean;
} {
  const { protocol, hostname, pathname } = new URL(text);
  // `URL` drops the ports 80 and 443, which differ from the default here.
  const written = /^https?:\/\/[^/?#]*:(\d+)(?=[/?#]|$)/i.exec(text)?.[1];
  return {
    origin: `${protocol}//${hostname}`,
    port: Number(written ?? 6333),
    prefix: pathname.replace(/\/+$/, ''),
    isLocal: isLoopback(hostname.replace(/^\[|\]$/g, '')),
  };
}

/** The codes of the errors of this adapter. */
export const codes = {
  timeout: 'qdrant_timeout',
  busy: 'qdrant_busy',
  unreachable: 'qdrant_unreachable',
  badAnswer: 'qdrant_bad_answer',
  missing: 'qdrant_missing',
  exists: 'qdrant_exists',
  denied: 'qdrant_denied',
  refused: 'qdrant_refused',
  failed: 'qdrant_failed',
} as const;

function asDependencyError(error: unknown, failure: string, timeoutMs: number): DependencyError {
  const failed = (code: string, message: string, retryable = true): DependencyError =>
    new DependencyError('qdrant', code, `${failure}: ${message}`, { retryable, cause: error });

  if (error instanceof QdrantClientTimeoutError)
    return failed(codes.timeout, `no answer within ${timeoutMs} ms`);
  if (error instanceof QdrantClientResourceExhaustedError)
    return failed(codes.busy, 'it limits the rate of requests (429)');
  if (!(error instanceof Error)) return failed(codes.failed, String(error));
  const status = 'status' in error && typeof error.status === 'number' ? error.status : null;
  if (status === null) {
    const cause =
      error.cause instanceof Error
        ? error.cause.message || ('code' in error.cause ? String(error.cause.code) : '')
        : '';
    return isNetworkError(error)
      ? failed(codes.unreachable, cause || error.message)
      : failed(codes.badAnswer, `its answer is invalid (${shortened(error.message)})`);
  }
  const said = `${status} ${shortened(reasonOf(error))}`.trim();
  if (status === 400 || status === 413 || status === 422) return failed(codes.refused, said, false);
  if (status === 401 || status === 403)
    return failed(codes.denied, `${said}: check QDRANT_API_KEY`);
  if (status === 404) return failed(codes.missing, said);
  if (status === 409) return failed(codes.exists, said);
  return failed(status === 429 ? codes.busy : codes.failed, said);
}

/** The server's message, which is in `{status: {error}}` or in plain text. */
function reasonOf(error: Error): string {
  const data: unknown = 'data' in error ? error.data : null;
  if (typeof data === 'string') return data;
  const status: unknown =
    typeof data === 'object' && data !== null && 'status' in data ? data.status : null;
  const reason: unknown =
    typeof status === 'object' && status !== null && 'error' in status ? status.error : null;
  return typeof reason === 'string' ? reason : error.message;
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= 300 ? line : `${line.slice(0, 300)}…`;
}
