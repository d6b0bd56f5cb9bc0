// Decides in one place what browsers are told about every answer: what it may load, who may show
// it, and what it may ask the device for.

/** Nothing at all: what an answer that is data needs. */
const dataPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * Pages of this gateway talk to nobody but this host; `wasm-unsafe-eval` compiles WebAssembly and
 * evaluates no text. Workers have no policy but the one that their own script comes with.
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

/** The API reference styles itself as it runs. */
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
  // A page with these two is isolated from all others: that is what shared memory, and with it WASM
  // threads, asks for.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy':
    'accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
};

/**
 * Half a year. Only over TLS, and never for a loopback name, whose other ports belong to other
 * programs.
 */
const strictTransport = 'max-age=15552000';

/** What every answer carries. */
export function securityHeaders(isTransportStrict: boolean): Readonly<Record<string, string>> {
  return isTransportStrict ? { ...always, 'Strict-Transport-Security': strictTransport } : always;
}

/** The Content-Security-Policy of an answer at `path` to who asked for `host`. */
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
 * What an answer carries that no route made: it is data, and on a bare socket nobody knows by which
 * name the gateway was asked.
 */
export const refusalHeaders: Readonly<Record<string, string>> = {
  ...always,
  'Cache-Control': 'no-store',
  'Content-Security-Policy': dataPolicy,
};
