// Every error of the HTTP API is a problem document (RFC 9457) with a stable code and the request's id.
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DependencyError, LogFullError } from '#core/errors.ts';
import type { AppEnv } from '../app-env.ts';

export type Problem = {
  readonly status: ContentfulStatusCode;
  /** Stable, snake_case: what a program acts on. */
  readonly code: string;
  /** What, which, and what to do: for a person. */
  readonly detail: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
  /** Further members of the document. */
  readonly more?: Readonly<Record<string, unknown>>;
};

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 413: 'Content Too Large',
  415: 'Unsupported Media Type', 422: 'Unprocessable Content', 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Service Unavailable',
};

/** Thrown by a route; becomes the answer. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

export function problemResponse(c: Context<AppEnv>, problem: Problem): Response {
  if (problem.retryAfter !== undefined) c.header('Retry-After', String(Math.max(1, Math.ceil(problem.retryAfter))));
  const body = {
    type: `urn:vectorstream:problem:${problem.code}`,
    title: titles[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    request_id: c.get('requestId'),
    timestamp: new Date().toISOString(),
    ...problem.more,
  };
  return c.body(JSON.stringify(body), problem.status, { 'Content-Type': 'application/problem+json' });
}

/** Any error as a problem. What is not meant for the client (an unexpected error's message, a stack) stays in the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof LogFullError) return { status: 429, code: error.code, detail: error.message, retryAfter: 1 };
  if (error instanceof DependencyError && error.retryable) {
    return { status: 503, code: error.code, detail: `${error.dependency} is not available at present: ${error.message}`, retryAfter: 2 };
  }
  if (error instanceof HTTPException && error.status < 500) return httpProblem(error);
  return { status: 500, code: 'internal_error', detail: 'The gateway failed to handle this request; its log has the cause under the request_id.' };
}

/** What the framework's own validators throw. */
function httpProblem(error: HTTPException): Problem {
  if (error.status === 400 && /malformed json/i.test(error.message)) {
    return { status: 400, code: 'malformed_json', detail: 'The body is not valid JSON.' };
  }
  if (error.status === 415 || /content.?type/i.test(error.message)) {
    return { status: 415, code: 'unsupported_media_type', detail: 'Send the body as Content-Type: application/json.' };
  }
  return { status: 400, code: 'bad_request', detail: error.message || 'The request cannot be handled.' };
}
