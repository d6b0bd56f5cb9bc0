// Puts the app behind a socket: requests to Hono, upgrades to the runner hub, and a stop that waits for answers on their way.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { UsageError } from '#core/errors.ts';
import { problemContentType, problemDocument, refuseOnSocket } from './problem-document.ts';

/** Answers a refusal itself. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export type HttpServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** By path: who takes over the socket of a WebSocket upgrade. */
  readonly upgrades: ReadonlyMap<string, Upgrade>;
};

export type HttpServer = {
  /** With the real port, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, waits up to `msMax` for requests in work, then ends what is left. */
  stop(msMax: number): Promise<void>;
};

/** Throws `UsageError` when the address cannot be had. */
export async function listen(options: HttpServerOptions): Promise<HttpServer> {
  const answer = getRequestListener(options.fetch, { hostname: options.host, errorHandler: unreadable });
  const server = createServer({
    // An offer of any other protocol, such as the h2c that some HTTP clients make with every request, is not taken up.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  }, (request, response) => void answer(request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) socket.destroy();
    else if (error.code === 'HPE_HEADER_OVERFLOW') refuseOnSocket(socket, { status: 431, code: 'headers_too_large', detail: 'The headers of this request are too large.' });
    else refuseOnSocket(socket, { status: 400, code: 'bad_request', detail: 'This is not a request that HTTP/1.1 allows.' });
  });
  server.on('upgrade', (request, socket, head) => {
    // Before anything else: an error without a listener would end the process.
    socket.on('error', () => socket.destroy());
    const upgrade = options.upgrades.get(request.url?.split('?')[0] ?? '');
    if (upgrade !== undefined) upgrade(request, socket, head);
    else refuseOnSocket(socket, { status: 404, code: 'not_found', detail: `WebSockets are served at ${[...options.upgrades.keys()].join(' and ')} only.` });
  });
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError(reason(options, error), { cause: error });
  }
  const port = portOf(server);
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, port, stop: (msMax) => stop(server, msMax) };
}

/** A request that never became one for the app, such as one with a malformed Host. */
function unreadable(): Response {
  const requestId = randomUUID();
  const body = problemDocument({ status: 400, code: 'bad_request', detail: 'The address or the headers of this request are malformed.' }, requestId);
  return new Response(body, { status: 400, headers: { 'Content-Type': problemContentType, 'X-Request-Id': requestId } });
}

async function stop(server: Server, msMax: number): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // A client keeps its connection after its last answer; nobody else ends it.
  const idle = setInterval(() => server.closeIdleConnections(), 20);
  const late = setTimeout(() => {
    server.closeAllConnections();
    // An upgraded socket is its owner's to close, and must not hold this up.
    resolve();
  }, msMax);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

function reason({ host, port }: HttpServerOptions, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return `Port ${port} on ${host} is in use, perhaps by another gateway: stop that one, or choose another with --port.`;
  if (code === 'EACCES') return `This user may not listen on port ${port}: choose one from 1024 up with --port.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is not an address of this machine: see gateway.host.`;
  return `Listening on ${host}, port ${port}, failed: ${error instanceof Error ? error.message : String(error)}`;
}
