// The one format of every HTTP error (RFC 9457), whether the app or a bare socket answers.

import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { refusalHeaders } from './security-headers.ts';

export type Problem = {
  readonly status: ContentfulStatusCode;
  /** Stable, in snake_case, for programs. */
  readonly code: string;
  /** A text for people: what is wrong, with what, and what to do. */
  readonly detail: string;
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number;
  /** Additional members of the document. */
  readonly more?: Readonly<Record<string, unknown>>;
};

/** Thrown while a request is handled; the problem becomes its answer. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export const problemContentType = 'application/problem+json';

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** The document as JSON text. */
export function problemDocument(
  { status, code, detail, more }: Problem,
  requestId: string,
): string {
  return JSON.stringify({
    type: `urn:vectorstream:problem:${code}`,
    title: titleOf(status),
    status,
    detail,
    code,
    request_id: requestId,
    timestamp: new Date().toISOString(),
    ...more,
  });
}

export type Refusal = {
  readonly requestId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** The complete answer to a request that does not reach a route of the app. */
export function refusalOf(problem: Problem): Refusal {
  const requestId = randomUUID();
  const body = problemDocument(problem, requestId);
  return {
    requestId,
    body,
    headers: {
      ...refusalHeaders,
      'Content-Type': problemContentType,
      'Content-Length': String(Buffer.byteLength(body)),
      'X-Request-Id': requestId,
      ...(problem.retryAfter !== undefined && {
        'Retry-After': String(Math.max(1, Math.ceil(problem.retryAfter))),
      }),
      ...(problem.status === 401 && { 'WWW-Authenticate': 'Bearer realm="vectorstream"' }),
    },
  };
}

/**
 * Answers on a socket that no request of the app owns, and ends the connection. Returns the request
 * id of the answer.
 */
export function refuseOnSocket(socket: Duplex, problem: Problem): string {
  const { requestId, headers, body } = refusalOf(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${titleOf(problem.status)}`,
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  // A peer that has disconnected needs no answer.
  socket.once('error', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return requestId;
}

export const titleOf = (status: number): string => titles[status] ?? 'Error';
