// Keeps web pages of others away: which Host names this gateway goes by, and which Origins may
// change something or open a WebSocket.

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { isLoopback } from '../config/network.ts';
import type { Problem } from '../http/problem-document.ts';

export type OriginPolicy = {
  /** Where the gateway listens. */
  readonly host: string;
  /** Further names by which clients reach it, such as that of a proxy. */
  readonly publicHosts: readonly string[];
  /** Origins of other pages that may use the API, such as `https://shop.example`. */
  readonly corsOrigins: readonly string[];
};

export type Asked = {
  readonly method: string;
  readonly isUpgrade: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
};

/** `null`: nothing against it. */
export function originProblem(
  policy: OriginPolicy,
  { method, isUpgrade, host, origin }: Asked,
): Problem | null {
  const name = nameOf(host);
  if (name === null || !isOurs(policy, name)) {
    return {
      status: 421,
      code: 'host_not_allowed',
      // A page whose name leads to this machine's address asks with its own name, and would be of
      // the same origin (DNS rebinding).
      detail: `This gateway does not go by the name ${shown(name)}. Ask it by the address it listens on, or add the name to gateway.publicHosts (VECTORSTREAM_PUBLIC_HOSTS).`,
    };
  }
  if (origin === undefined || (!isUpgrade && safeMethods.has(method))) return null;
  // The scheme is not compared: a proxy that ends TLS speaks plain HTTP to this gateway.
  if (hostOf(origin) === host?.toLowerCase() || policy.corsOrigins.includes(origin.toLowerCase()))
    return null;
  return {
    status: 403,
    code: 'origin_not_allowed',
    detail: `Pages of ${shown(origin)} may not use this gateway. Add the origin to gateway.corsOrigins (VECTORSTREAM_CORS_ORIGINS) if they should.`,
  };
}

/** Safe methods change nothing, and what they answer is closed to other origins by CORS. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * On a network a key is asked for, which a rebinding page does not have: there the check begins
 * once somebody has said the names.
 */
function isOurs({ host, publicHosts }: OriginPolicy, name: string): boolean {
  if (isLoopbackName(name) || name === host.toLowerCase() || publicHosts.includes(name))
    return true;
  if (isLoopback(host)) return false;
  // An address has no name whose meaning could be changed.
  return publicHosts.length === 0 || isIP(name) !== 0 || name === hostname().toLowerCase();
}

const isLoopbackName = (name: string): boolean => isLoopback(name) || name.endsWith('.localhost');

/** Without port and brackets. */
function nameOf(host: string | undefined): string | null {
  const [, bracketed, name] =
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s@]+))(?::\d{1,5})?$/i.exec(host ?? '') ?? [];
  return (bracketed ?? name)?.toLowerCase().replace(/\.$/, '') ?? null;
}

const hostOf = (origin: string): string | null => URL.parse(origin)?.host ?? null;

const shown = (text: string | null): string => JSON.stringify((text ?? '').slice(0, 100));
