// What is looked at before the app makes a request of it: that it is HTTP as it should be, of a
// bearable size, and that there is room for it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusalOf, type Problem } from './problem-document.ts';

export type RequestLimits = {
  readonly requestsInFlightMax: number;
  readonly urlBytesMax: number;
};

/** What must answer under any load: else an orchestrator ends a gateway that is merely busy. */
const probes: ReadonlySet<string> = new Set([
  '/livez',
  '/startupz',
  '/readyz',
  '/health/live',
  '/health/ready',
]);

export class RequestChecks {
  readonly #limits: RequestLimits;
  #inFlight = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** `null`: it may go on to the app; it counts as in work until its answer has gone. */
  admit(request: IncomingMessage, response: ServerResponse): Problem | null {
    const malformed = malformedRequest(request, this.#limits.urlBytesMax);
    if (malformed !== null) return malformed;
    const { requestsInFlightMax } = this.#limits;
    if (this.#inFlight >= requestsInFlightMax && !probes.has(request.url ?? '')) {
      return {
        status: 503,
        code: 'too_many_requests_in_work',
        detail: `${requestsInFlightMax} requests are in work (server.requestsInFlightMax): send this one again.`,
        retryAfter: 1,
      };
    }
    this.#inFlight += 1;
    response.once('close', () => {
      this.#inFlight -= 1;
    });
    return null;
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
      detail: `The request has ${hosts === 0 ? 'no Host header' : `${hosts} Host headers`}; HTTP/1.1 asks for one.`,
    };
  return null;
}

/** Ends the connection too: what else comes on it may be the rest of a body that nobody reads. */
export function refuseRequest(response: ServerResponse, problem: Problem): void {
  const { headers, body } = refusalOf(problem);
  response.writeHead(problem.status, { Connection: 'close', ...headers });
  response.end(body);
}
