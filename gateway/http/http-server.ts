// Serves the app over HTTP or HTTPS with bounded connections: malformed requests get a clear
// answer, and a stop waits for the requests in work.

import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { UsageError } from '#core/errors/errors.ts';
import { pathBelow } from './base-path.ts';
import { limitConnections, type ConnectionLimits, type Connections } from './connections.ts';
import { continueWhenRead } from './expect-continue.ts';
import { refusalOf, refuseOnSocket, type Problem } from './problem-document.ts';
import {
  malformedRequest,
  RequestChecks,
  refuseRequest,
  type RequestLimits,
} from './request-checks.ts';
import { SlowBodies } from './slow-bodies.ts';
import type { Certificate } from './tls-certificate.ts';

/** Takes over the socket of an upgrade request, and answers a refusal itself. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export type HttpServerOptions = {
  readonly host: string;
  readonly port: number;
  /** Every path is also served below it; `/` for none. */
  readonly basePath: string;
  readonly fetch: (request: Request, bindings: Bindings) => Response | Promise<Response>;
  /** Handlers of WebSocket upgrades, by path. */
  readonly upgrades: ReadonlyMap<string, Upgrade>;
  /** Checks every upgrade before its handler; `null`: no objection. */
  readonly screen: (request: IncomingMessage) => Problem | null;
  readonly limits: ServerLimits;
  /** Many clients share this address. */
  readonly isProxy: (address: string) => boolean;
  /** `null`: plain HTTP. */
  readonly certificate: Certificate | null;
};

type Bindings = {
  readonly incoming: { readonly socket: { readonly remoteAddress?: string | undefined } };
};

/** See `server` in `config-schema.ts`. Live settings among them are read at every use. */
export type ServerLimits = ConnectionLimits &
  RequestLimits & {
    readonly headersMsMax: number;
    readonly requestMsMax: number;
    readonly idleMsMax: number;
    readonly headerBytesMax: number;
    readonly bodyBytesPerSecondMin: number;
  };

export type HttpServer = {
  /** The URL with the real port, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Uses this certificate for new connections. */
  renew(certificate: Certificate): void;
  /** Accepts no new connection, waits up to `msMax` for requests in work, then ends the rest. */
  stop(msMax: number): Promise<void>;
};

/** @throws UsageError when the server cannot listen on the address */
export async function listen(options: HttpServerOptions): Promise<HttpServer> {
  const { certificate, limits } = options;
  const secure =
    certificate === null
      ? null
      : createSecureServer({ ...nodeOptions(limits), ...certificate, minVersion: 'TLSv1.2' });
  const server = secure ?? createServer(nodeOptions(limits));
  server.maxHeadersCount = headersMax;
  const bodies = new SlowBodies(() => limits.bodyBytesPerSecondMin);
  serve(
    server,
    options,
    limitConnections(server, limits, options.isProxy, secure !== null),
    bodies,
  );
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError(reason(options, error), { cause: error });
  }
  const port = portOf(server);
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `${secure === null ? 'http' : 'https'}://${host}:${port}`,
    port,
    renew: (renewed) => secure?.setSecureContext({ ...renewed, minVersion: 'TLSv1.2' }),
    stop: (msMax) => {
      bodies.close();
      return stop(server, msMax);
    },
  };
}

function nodeOptions({
  headersMsMax,
  requestMsMax,
  idleMsMax,
  headerBytesMax,
}: ServerLimits): ServerOptions {
  return {
    // Offers of other protocols are declined. Some HTTP clients offer h2c with every request.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    maxHeaderSize: headerBytesMax,
    headersTimeout: headersMsMax,
    requestTimeout: Math.max(requestMsMax, headersMsMax),
    keepAliveTimeout: idleMsMax,
    connectionsCheckingInterval: Math.min(1000, headersMsMax),
    // `RequestChecks` answers a missing Host header; Node's answer would be a bare 400.
    requireHostHeader: false,
  };
}

function serve(
  server: Server,
  { fetch, upgrades, screen, limits, host, basePath }: HttpServerOptions,
  connections: Connections,
  bodies: SlowBodies,
): void {
  const answer = getRequestListener(fetch, { hostname: host, errorHandler: malformedAnswer });
  const checks = new RequestChecks(limits, basePath);
  const admits = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (connections.isRefused(request.socket)) return false;
    const problem = checks.admit(request, response);
    if (problem !== null) refuseRequest(response, problem);
    return problem === null;
  };
  server.on('request', (request, response) => {
    if (!admits(request, response)) return;
    bodies.watch(request);
    void answer(request, response);
  });
  server.on('checkContinue', (request, response) => {
    if (!admits(request, response)) return;
    continueWhenRead(request, response, () => bodies.watch(request));
    void answer(request, response);
  });
  server.on('checkExpectation', (request, response) => {
    refuseRequest(response, {
      status: 417,
      code: 'expectation_failed',
      detail:
        `Expect is ${JSON.stringify(request.headers.expect?.slice(0, 80))}; ` +
        'only 100-continue is supported.',
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) socket.destroy();
    else refuseOnSocket(socket, clientProblem(error.code, limits));
  });
  server.on('connect', (_request, socket) => {
    refuseOnSocket(socket, {
      status: 405,
      code: 'method_not_allowed',
      detail: 'This is not a proxy: CONNECT is not served.',
    });
  });
  server.on('upgrade', (request, socket, head) => {
    // This comes first: an error without a listener would end the process.
    socket.on('error', () => socket.destroy());
    if (connections.isRefused(request.socket)) return;
    const problem = malformedRequest(request, limits.urlBytesMax) ?? screen(request);
    const upgrade = upgrades.get(pathBelow(basePath, request.url?.split('?')[0] ?? ''));
    if (problem !== null) refuseOnSocket(socket, problem);
    else if (upgrade !== undefined) upgrade(request, socket, head);
    else
      refuseOnSocket(socket, {
        status: 404,
        code: 'not_found',
        detail: `WebSockets are served at ${[...upgrades.keys()].join(' and ')} only.`,
      });
  });
}

/** No honest client sends this many headers. */
const headersMax = 100;

function clientProblem(
  code: string | undefined,
  { headerBytesMax, requestMsMax }: ServerLimits,
): Problem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return {
      status: 431,
      code: 'headers_too_large',
      detail:
        `This request has more than ${headerBytesMax} bytes of headers (server.headerBytesMax), ` +
        `or more than ${headersMax} headers.`,
    };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return {
      status: 408,
      code: 'request_too_slow',
      detail:
        'The request did not arrive in time ' +
        `(server.headersMsMax for its headers, ${requestMsMax} ms for all of it).`,
    };
  return {
    status: 400,
    code: 'bad_request',
    detail: 'This is not a request that HTTP/1.1 allows.',
  };
}

/** Answers a request that the app cannot read, such as one with a malformed Host. */
function malformedAnswer(): Response {
  const { headers, body } = refusalOf({
    status: 400,
    code: 'bad_request',
    detail: 'The address or the headers of this request are malformed.',
  });
  return new Response(body, { status: 400, headers });
}

async function stop(server: Server, msMax: number): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // Clients keep their connection open after the last answer, so the server must close it.
  const closeIdle = setInterval(() => server.closeIdleConnections(), 20);
  const late = setTimeout(() => {
    server.closeAllConnections();
    // An upgraded socket is closed by its owner, and must not delay the stop.
    resolve();
  }, msMax);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(late);
}

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

function reason({ host, port }: HttpServerOptions, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE')
    return (
      `Port ${port} on ${host} is in use, perhaps by another gateway: ` +
      'stop that one, or choose another with --port.'
    );
  if (code === 'EACCES')
    return `This user may not listen on port ${port}: choose 1024 or higher with --port.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${host} is not an address of this machine: see gateway.host.`;
  const message = error instanceof Error ? error.message : String(error);
  return `Listening on ${host}, port ${port}, failed: ${message}`;
}
