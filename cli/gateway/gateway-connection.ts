// Connects a command to a gateway, and explains the errors of its client to a person in one line.

import { DependencyError, UsageError } from '#core/errors/errors.ts';
import {
  createClient,
  VectorStreamApiError,
  VectorStreamConnectionError,
  type VectorStreamClient,
} from '../../client/client.ts';
import { text, orVariables } from '../flags.ts';

export type GatewayConnection = {
  /** The URL without a slash at its end. */
  readonly url: string;
  readonly client: VectorStreamClient;
  /**
   * Throws a client's error as a `DependencyError` whose message is one line for a person, and
   * every other error as it is. Made for `catch`.
   */
  readonly throwExplained: (error: unknown) => never;
};

export type ConnectionOptions = {
  readonly url: string;
  readonly apiKey: string | null;
  /** How long one call is retried. */
  readonly retryForMs: number;
  /** Called once per call that has to wait, with the reason. */
  readonly onWait: (reason: string) => void;
};

type ClientError = VectorStreamApiError | VectorStreamConnectionError;

export function connectGateway({
  url: given,
  apiKey,
  retryForMs,
  onWait,
}: ConnectionOptions): GatewayConnection {
  const url = given.replace(/\/+$/, '');
  const client = createClient({
    url,
    ...(apiKey !== null && { apiKey }),
    retryForMs,
    onWait({ error, attempt }) {
      if (attempt === 1) onWait(`the gateway ${problemOf(error)}; retrying`);
    },
  });
  return {
    url,
    client,
    throwExplained(error) {
      throw isClientError(error) ? explained(error, url, retryForMs) : error;
    },
  };
}

/** The flag of a command that asks a running gateway. */
export const targetFlag = orVariables(
  'VECTORSTREAM_HOST and VECTORSTREAM_PORT',
  text('URL', null, 'the gateway (default http://127.0.0.1:8080)'),
);

/** The variables of every command that talks to a gateway. */
export const gatewayVariables = {
  VECTORSTREAM_API_KEY: 'the key of the gateway, if it needs one',
  NODE_EXTRA_CA_CERTS: "a PEM file with the gateway's certificate, if it made its own",
};

/**
 * Connects to the gateway that --target names, or else to the one on this machine.
 *
 * @throws UsageError when the address is wrong
 */
export function connectTargetGateway(
  target: string | null,
  options: Omit<ConnectionOptions, 'url' | 'apiKey'>,
): GatewayConnection {
  const url = target ?? defaultGatewayUrl(process.env);
  requireHttpUrl(url);
  return connectGateway({ url, apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null, ...options });
}

/**
 * The address of the gateway on this machine, by the environment.
 *
 * @throws UsageError when host or port are wrong
 */
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

/** @throws UsageError when `url`, the value of --target, is not an HTTP address */
export function requireHttpUrl(url: string, alternative = ''): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new UsageError(
    `--target is "${url}"; allowed is the http or https address of a gateway, ` +
      `such as http://127.0.0.1:8080${alternative}.`,
  );
}

/** What is wrong, as the end of a sentence: `answered 429: The log is full`. */
export function problemOf(error: ClientError): string {
  if (error instanceof VectorStreamApiError) {
    const detail = error.problem.detail?.replace(/\.$/, '');
    return `answered ${error.status}${detail === undefined ? '' : `: ${detail}`}`;
  }
  return error.code === 'not_json'
    ? 'is not a VectorStream gateway: its answer is not JSON'
    : `cannot be reached (${error.reason})`;
}

const isClientError = (error: unknown): error is ClientError =>
  error instanceof VectorStreamApiError || error instanceof VectorStreamConnectionError;

function explained(error: ClientError, url: string, retryForMs: number): DependencyError {
  const { retryable } = error;
  const givenUp = retryable ? `; gave up after ${Math.round(retryForMs / 1000)} s` : '';
  const subject = error.code === 'not_json' ? url : `The gateway at ${url}`;
  return new DependencyError(
    'gateway',
    retryable ? 'gateway_unavailable' : 'gateway_refused',
    `${subject} ${problemOf(error)}${givenUp}.${adviceOn(error)}`,
    { retryable, cause: error },
  );
}

function adviceOn(error: ClientError): string {
  if (error instanceof VectorStreamConnectionError)
    return error.code === 'not_json'
      ? ' Name a gateway with --target.'
      : ' Start it with npm start, or name another with --target.';
  return error.status === 401 || error.status === 403
    ? ' Set VECTORSTREAM_API_KEY to the gateway’s key.'
    : '';
}
