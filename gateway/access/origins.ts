// Protects against foreign web pages: checks the Host names that this gateway accepts, and the
// Origins that may change something or open a WebSocket.

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { isLoopback } from '../config/network.ts';
import type { Problem } from '../http/problem-document.ts';

export type OriginPolicy = {
  /** The address that the gateway listens on. */
  readonly host: string;
  /** Further names that clients use for it, such as that of a proxy. */
  readonly publicHosts: readonly string[];
  /** Origins of other pages that may use the API, such as `https://shop.example`. */
  readonly allowed: readonly string[];
};

/** What a request says about where it comes from and whom it addresses. */
export type RequestOrigin = {
  readonly method: string;
  readonly isUpgrade: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
};

/** Returns why the request is refused; `null`: it is not. */
export function originProblem(
  policy: OriginPolicy,
  { method, isUpgrade, host, origin }: RequestOrigin,
): Problem | null {
  const name = nameOf(host);
  if (name === null || !isOurs(policy, name)) {
    return {
      status: 421,
      code: 'host_not_allowed',
      // DNS rebinding: a page whose own name resolves to this machine would be of the same origin.
      detail:
        `This gateway does not accept the host name ${shown(name)}. ` +
        'Use the address that it listens on, ' +
        'or add the name to gateway.publicHosts (VECTORSTREAM_PUBLIC_HOSTS).',
    };
  }
  if (origin === undefined || (!isUpgrade && safeMethods.has(method))) return null;
  if (isOwnOrigin(origin, host ?? '') || policy.allowed.includes(origin.toLowerCase())) return null;
  return originRefused(origin, 'may not use this gateway');
}

/** The scheme is not compared: a proxy that ends TLS speaks plain HTTP to this gateway. */
export const isOwnOrigin = (origin: string, host: string): boolean =>
  URL.parse(origin)?.host === host.toLowerCase();

export const originRefused = (origin: string, what: string): Problem => ({
  status: 403,
  code: 'origin_not_allowed',
  detail:
    `Pages of ${shown(origin)} ${what}. To allow them, add the origin to the key ` +
    '(name:scope@origin:key) or to gateway.corsOrigins (VECTORSTREAM_CORS_ORIGINS).',
});

/** Safe methods change nothing, and CORS hides their answers from other origins. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a host name is the gateway's own. On a network the gateway requires an API key, which a
 * rebinding page does not have. There, names are checked only once `publicHosts` is set.
 */
function isOurs({ host, publicHosts }: OriginPolicy, name: string): boolean {
  if (isLoopbackName(name) || name === host.toLowerCase() || publicHosts.includes(name))
    return true;
  if (isLoopback(host)) return false;
  // An IP address cannot be rebound.
  return publicHosts.length === 0 || isIP(name) !== 0 || name === hostname().toLowerCase();
}

const isLoopbackName = (name: string): boolean => isLoopback(name) || name.endsWith('.localhost');

/** The name or address without its port and brackets; `null`: the header is malformed. */
function nameOf(host: string | undefined): string | null {
  const [, bracketed, name] =
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s@]+))(?::\d{1,5})?$/i.exec(host ?? '') ?? [];
  return (bracketed ?? name)?.toLowerCase().replace(/\.$/, '') ?? null;
}

const shown = (text: string | null): string => JSON.stringify((text ?? '').slice(0, 100));
