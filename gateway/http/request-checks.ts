// Checks a request before the app sees it: it must be valid HTTP with a short enough URL, and there
// must be room for one more request in flight.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { pathBelow } from './base-path.ts';
import { refusalOf, type Problem } from './problem-document.ts';

export type RequestLimits = {
  readonly requestsInFlightMax: number;
  readonly urlBytesMax: number;
};

/** These paths answer under any load; otherwise an orchestrator would end a busy gateway. */
const probes: ReadonlySet<string> = new Set([
  '/livez',
  '/startupz',
  '/readyz',
  '/health/live',
  '/health/ready',
]);

export class RequestChecks {
  readonly #limits: RequestLimits;
  readonly #basePath: string;
  #inFlight = 0;

  constructor(limits: RequestLimits, basePath: string) {
    this.#limits = limits;
    this.#basePath = basePath;
  }

  /** `null`: the app may handle it. It then counts as in flight until its answer is sent. */
  admit(request: IncomingMessage, response: ServerResponse): Problem | null {
    const malformed = malformedRequest(request, this.#limits.urlBytesMax);
    if (malformed !== null) return malformed;
    const { requestsInFlightMax } = this.#limits;
    if (this.#inFlight >= requestsInFlightMax && !this.#isProbe(request.url ?? '')) {
      return {
        status: 503,
        code: 'too_many_requests_in_work',
        detail:
          `${requestsInFlightMax} requests are in flight (server.requestsInFlightMax): ` +
          'retry this one.',
        retryAfter: 1,
      };
    }
    this.#inFlight += 1;
    response.once('close', () => {
      this.#inFlight -= 1;
    });
    return null;
  }

  #isProbe(url: string): boolean {
    return probes.has(pathBelow(this.#basePath, url.split('?', 1)[0] ?? ''));
  }
}

export function malformedRequest(
  { url = '', rawHeaders, httpVersion }: IncomingMessage,
  urlBytesMax: number,
): Problem | null {
  if (url.length > urlBytesMax)
    return {
      status: 414,
      code: 'url_too_long',
      detail: `The path with its query is longer than ${urlBytesMax} bytes (server.urlBytesMax).`,
    };
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.toLowerCase() === 'host') hosts += 1;
  // RFC 9112, 3.2.
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1'))
    return {
      status: 400,
      code: 'host_header_wrong',
      detail:
        `The request has ${hosts === 0 ? 'no Host header' : `${hosts} Host headers`}; ` +
        'HTTP/1.1 requires exactly one.',
    };
  return null;
}

/** Also ends the connection, because the rest of an unread body may follow on it. */
export function refuseRequest(response: ServerResponse, problem: Problem): void {
  const { headers, body } = refusalOf(problem);
  response.writeHead(problem.status, { Connection: 'close', ...headers });
  response.end(body);
}
