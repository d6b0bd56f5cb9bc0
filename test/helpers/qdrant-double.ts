// A Qdrant server for tests: it answers over HTTP as the recorded real server does
// (test/fixtures/qdrant-contract.json), refuses as strictly, and can fail in every way that servers
// and networks do.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { parseBody } from './qdrant/body.ts';
import { Refusal, tooLarge } from './qdrant/qdrant-errors.ts';
import { type Answer, Routes } from './qdrant/routes.ts';

/**
 * What happens to one request. Only `half-an-answer`, `after` and `answer-lost` carry the request
 * out.
 */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A wrong answer, as JSON or not. */
  | { readonly kind: 'garbage'; readonly text: string; readonly contentType: string }
  /** The connection breaks in the middle of the body. */
  | { readonly kind: 'half-an-answer' }
  | { readonly kind: 'no-answer' }
  /** The server closes the connection, which was idle for too long, as the request arrives. */
  | { readonly kind: 'closed' }
  /** Does this work before the request, to decide a race. */
  | { readonly kind: 'after'; readonly work: () => Promise<unknown> }
  | { readonly kind: 'answer-lost' };

export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** The compressions that the client accepts. */
  readonly encodings: string;
};

export type QdrantDouble = AsyncDisposable & {
  readonly url: string;
  /** All requests since the start, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Requests that the client cancelled before they were answered. */
  readonly abandoned: readonly SeenRequest[];
  /** The next `times` requests for which `when` holds fail in this way. */
  fail(fault: Fault, when?: (request: SeenRequest) => boolean, times?: number): void;
  /** Stops the server until `up`; its data stays. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** How many connections were opened since the start. */
  connections(): number;
};

export type QdrantDoubleOptions = {
  readonly apiKey?: string | null;
  /** The server's `max_request_size_mb`, or the body limit of a proxy before it. */
  readonly requestBytesMax?: number;
  /**
   * A connection that is idle for this long is closed: 5 s by default, as the real server does,
   * which does not tell its clients.
   */
  readonly idleMsMax?: number;
};

/** The default limit of a Qdrant server. */
const defaultRequestBytesMax = 32 * 1024 * 1024;

export async function startQdrantDouble({
  apiKey = null,
  requestBytesMax = defaultRequestBytesMax,
  idleMsMax = 5_000,
}: QdrantDoubleOptions = {}): Promise<QdrantDouble> {
  const routes = new Routes();
  const requests: SeenRequest[] = [];
  const abandoned: SeenRequest[] = [];
  const faults: {
    readonly fault: Fault;
    readonly when: (request: SeenRequest) => boolean;
    times: number;
  }[] = [];
  let port = 0;
  let connections = 0;
  let server: Server | null = null;

  const faultOf = (request: SeenRequest): Fault | null => {
    const found = faults.find(({ when, times }) => times > 0 && when(request));
    if (found === undefined) return null;
    found.times -= 1;
    return found.fault;
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = await incoming.toArray();
    const request = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      body: Buffer.concat(chunks).toString(),
      encodings: String(incoming.headers['accept-encoding']),
    };
    requests.push(request);
    outgoing.on('close', () => {
      if (!outgoing.writableEnded) abandoned.push(request);
    });
    const answer = (): Answer => {
      if (apiKey !== null && incoming.headers['api-key'] !== apiKey) return denied(incoming);
      return answerOf(routes, request, requestBytesMax);
    };
    const fault = faultOf(request);
    if (fault === null) send(outgoing, answer());
    else await failWith(fault, outgoing, answer);
  };

  const up = async (): Promise<void> => {
    server = createServer((incoming, outgoing) => {
      handle(incoming, outgoing).catch((error: unknown) =>
        outgoing.destroy(error instanceof Error ? error : undefined),
      );
    });
    server.keepAliveTimeout = idleMsMax;
    server.keepAliveTimeoutBuffer = 0;
    server.on('connection', () => {
      connections += 1;
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) port = address.port;
  };
  const down = async (): Promise<void> => {
    const closing = server;
    server = null;
    if (closing === null) return;
    const closed = once(closing, 'close');
    closing.close();
    closing.closeAllConnections();
    await closed;
  };

  await up();
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    abandoned,
    up,
    down,
    connections: () => connections,
    fail: (fault, when = () => true, times = 1) => void faults.push({ fault, when, times }),
    [Symbol.asyncDispose]: down,
  };
}

/** @param answer carries out the request */
async function failWith(
  fault: Fault,
  outgoing: ServerResponse,
  answer: () => Answer,
): Promise<void> {
  switch (fault.kind) {
    case 'status':
      return send(
        outgoing,
        {
          status: fault.status,
          body: { status: { error: 'Service internal error: simulated' }, time: 0.001 },
        },
        fault.headers,
      );
    case 'garbage':
      outgoing.writeHead(200, { 'content-type': fault.contentType }).end(fault.text);
      return;
    case 'half-an-answer': {
      const text = JSON.stringify(answer().body);
      outgoing.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      });
      outgoing.write(text.slice(0, text.length / 2), () => outgoing.destroy());
      return;
    }
    case 'no-answer':
      return;
    case 'closed':
      outgoing.destroy();
      return;
    case 'after':
      await fault.work();
      return send(outgoing, answer());
    case 'answer-lost':
      answer();
      outgoing.destroy();
  }
}

function answerOf(routes: Routes, { method, path, body }: SeenRequest, bytesMax: number): Answer {
  try {
    const bytes = Buffer.byteLength(body);
    if (bytes > bytesMax) throw tooLarge(bytes, bytesMax);
    return routes.answer(method, new URL(path, 'http://qdrant'), () => parseBody(body));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: { status: { error: error.message }, time: 0.001 } };
  }
}

function denied({ headers }: IncomingMessage): Answer {
  return {
    status: 401,
    body:
      headers['api-key'] === undefined
        ? 'Must provide an API key or an Authorization bearer token'
        : 'Invalid API key or JWT',
  };
}

function send(
  outgoing: ServerResponse,
  { status, body }: Answer,
  headers: Readonly<Record<string, string>> = {},
): void {
  const isText = typeof body === 'string';
  outgoing
    .writeHead(status, {
      'content-type': isText ? 'text/plain' : 'application/json',
      // Said here, so that Node does not add for how long it keeps the connection.
      connection: 'keep-alive',
      ...headers,
    })
    .end(isText ? body : JSON.stringify(body));
}
