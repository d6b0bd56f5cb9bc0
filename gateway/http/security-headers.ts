// The security headers of every answer: what a page may load, who may embed it, and which device
// features it may use.

/** Data may load nothing. */
const dataPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * Pages of this gateway connect to this host only. `wasm-unsafe-eval` allows WebAssembly, but not
 * the evaluation of text. A worker has the policy that its own script is sent with.
 */
const pagePolicy = (host: string | undefined, pictureOrigins: readonly string[]): string => {
  // Some browsers do not count ws: of the same host as 'self'.
  const sockets =
    host !== undefined && /^[\w.:[\]-]{1,255}$/.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    `connect-src 'self'${sockets}`,
    "style-src 'self'",
    ["img-src 'self'", ...pictureOrigins].join(' '),
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

export type PolicyInput = {
  readonly path: string;
  readonly contentType: string | null;
  /** The host that the request names. */
  readonly host: string | undefined;
  /** From which the search page may show pictures. */
  readonly pictureOrigins: readonly string[];
};

/** What an answer may load, by header. */
export function loadingPolicies({
  path,
  contentType,
  host,
  pictureOrigins,
}: PolicyInput): Readonly<Record<string, string>> {
  const policy = 'Content-Security-Policy';
  if (!/^(text\/html|text\/javascript|application\/javascript)/.test(contentType ?? ''))
    return { [policy]: dataPolicy };
  if (path === '/docs' || path.startsWith('/docs/')) return { [policy]: docsPolicy };
  if (path !== '/search' || pictureOrigins.length === 0) return { [policy]: pagePolicy(host, []) };
  return {
    [policy]: pagePolicy(host, pictureOrigins),
    // Few hosts of pictures allow pages of other origins by name. Without credentials, they need
    // not. A browser that does not know this value shows them too; the page then has no threads,
    // which it does not use.
    'Cross-Origin-Embedder-Policy': 'credentialless',
  };
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
