// The security headers of every answer: what a page may load, who may embed it, and which device
// features it may use.

/** Data may load nothing. */
const dataPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * Pages of this gateway connect to this host only. `wasm-unsafe-eval` allows WebAssembly, but not
 * the evaluation of text. A worker has the policy that its own script is sent with.
 */
const pagePolicy = (host: string | undefined): string => {
  // Some browsers do not count ws: of the same host as 'self'.
  const sockets =
    host !== undefined && /^[\w.:[\]-]{1,255}$/.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    `connect-src 'self'${sockets}`,
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
};

/** The API reference adds its styles at run time. */
const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const always: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // These two isolate a page from all others. Shared memory, and so WASM threads, requires that.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy':
    'accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), ' +
    'gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
};

/**
 * Half a year. Sent over TLS only, and never for a loopback name, because other programs use its
 * other ports.
 */
const strictTransport = 'max-age=15552000';

/** The headers of every answer. */
export function securityHeaders(isTransportStrict: boolean): Readonly<Record<string, string>> {
  return isTransportStrict ? { ...always, 'Strict-Transport-Security': strictTransport } : always;
}

/** The Content-Security-Policy of an answer at `path`, for a request to `host`. */
export function contentPolicy(
  path: string,
  contentType: string | null,
  host: string | undefined,
): string {
  if (!/^(text\/html|text\/javascript|application\/javascript)/.test(contentType ?? ''))
    return dataPolicy;
  return path === '/docs' || path.startsWith('/docs/') ? docsPolicy : pagePolicy(host);
}

/**
 * The headers of an answer that no route has made. It is data, and a bare socket does not know the
 * host name of the request.
 */
export const refusalHeaders: Readonly<Record<string, string>> = {
  ...always,
  'Cache-Control': 'no-store',
  'Content-Security-Policy': dataPolicy,
};
