// Speaks to Qdrant: an answer, or a DependencyError that says whether the same call may succeed
// later.

import {
  QdrantClient,
  QdrantClientResourceExhaustedError,
  QdrantClientTimeoutError,
} from '@qdrant/js-client-rest';
import { DependencyError } from '#core/errors/errors.ts';

export type QdrantAddress = {
  /** `http(s)://host[:port][/prefix]`; without a port it is 6333, Qdrant's own. */
  readonly url: string;
  readonly apiKey: string | null;
  /** A request that takes longer is cancelled. */
  readonly timeoutMs: number;
};

/**
 * Makes one or more calls and reads their answers; `what` names them in an error. Whatever goes
 * wrong inside comes out as a `DependencyError`: only a refusal of the request's content is not
 * retryable, so that no event is blamed for trouble of the server's, its network's or its
 * operator's.
 */
export type Ask = <T>(what: string, call: (client: QdrantClient) => Promise<T>) => Promise<T>;

export function connectQdrant({ url, apiKey, timeoutMs }: QdrantAddress): Ask {
  const { origin, port, prefix } = endpointOf(url);
  const client = new QdrantClient({
    url: origin,
    port,
    prefix,
    timeout: timeoutMs,
    checkCompatibility: false,
    // As `apiKey` it would print a warning to the terminal when the link is not encrypted.
    ...(apiKey === null ? {} : { headers: { 'api-key': apiKey } }),
  });
  return async (what, call) => {
    try {
      return await call(client);
    } catch (error) {
      throw error instanceof DependencyError
        ? error
        : asDependencyError(
            error,
            `Qdrant at ${origin}:${port}${prefix} could not ${what}`,
            timeoutMs,
          );
    }
  };
}

function endpointOf(text: string): {
  readonly origin: string;
  readonly port: number;
  readonly prefix: string;
} {
  const { protocol, hostname, pathname } = new URL(text);
  // `URL` leaves out 80 and 443, which are not the same as no port here.
  const written = /^https?:\/\/[^/?#]*:(\d+)(?=[/?#]|$)/i.exec(text)?.[1];
  return {
    origin: `${protocol}//${hostname}`,
    port: Number(written ?? 6333),
    prefix: pathname.replace(/\/+$/, ''),
  };
}

/** The codes of this adapter's errors. */
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
  const trouble = (code: string, message: string, retryable = true): DependencyError =>
    new DependencyError('qdrant', code, `${failure}: ${message}`, { retryable, cause: error });

  if (error instanceof QdrantClientTimeoutError)
    return trouble(codes.timeout, `no answer within ${timeoutMs} ms`);
  if (error instanceof QdrantClientResourceExhaustedError)
    return trouble(codes.busy, 'it limits the rate of requests (429) and asks to wait');
  if (!(error instanceof Error)) return trouble(codes.failed, String(error));
  const status = 'status' in error && typeof error.status === 'number' ? error.status : null;
  if (status === null) {
    const cause =
      error.cause instanceof Error
        ? error.cause.message || ('code' in error.cause ? String(error.cause.code) : '')
        : '';
    const isNetwork =
      error instanceof TypeError &&
      (error.message === 'fetch failed' || error.message === 'terminated');
    return isNetwork
      ? trouble(codes.unreachable, cause || error.message)
      : trouble(codes.badAnswer, `its answer makes no sense (${shortened(error.message)})`);
  }
  const said = `${status} ${shortened(reasonOf(error))}`.trim();
  if (status === 400 || status === 413 || status === 422)
    return trouble(codes.refused, said, false);
  if (status === 401 || status === 403)
    return trouble(codes.denied, `${said}: check QDRANT_API_KEY`);
  if (status === 404) return trouble(codes.missing, said);
  if (status === 409) return trouble(codes.exists, said);
  return trouble(status === 429 ? codes.busy : codes.failed, said);
}

/** What the server says in `{status: {error}}`, or in plain text. */
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
