// Answers every error of the HTTP API with a problem document (RFC 9457) that has a stable code and
// the request's id; under /v1/ with OpenAI's error shape.

import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { DependencyError, LogFullError } from '#core/errors/errors.ts';
import {
  problemContentType,
  problemDocument,
  ProblemError,
  type Problem,
} from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';

export function problemResponse(c: Context<AppEnv>, problem: Problem): Response {
  if (problem.retryAfter !== undefined)
    c.header('Retry-After', String(Math.max(1, Math.ceil(problem.retryAfter))));
  if (c.req.path.startsWith('/v1/')) return openAiError(c, problem);
  return c.body(problemDocument(problem, c.get('requestId')), problem.status, {
    'Content-Type': problemContentType,
  });
}

const openAiTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** The shape that OpenAI's clients understand, with the code of the problem document. */
function openAiError(c: Context<AppEnv>, { status, code, detail, more }: Problem): Response {
  const param = typeof more?.['param'] === 'string' ? more['param'] : null;
  const type = openAiTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return c.json({ error: { message: detail, type, param, code } }, status === 422 ? 400 : status);
}

/** Any error as a problem. The message and stack of an unexpected error stay in the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof LogFullError)
    return { status: 429, code: error.code, detail: error.message, retryAfter: 1 };
  if (error instanceof DependencyError && error.retryable) {
    return {
      status: 503,
      code: error.code,
      detail:
        error.code === 'disk_space_low'
          ? error.message
          : `${error.dependency} is not available: ${error.message}`,
      retryAfter: 2,
    };
  }
  if (error instanceof HTTPException && error.status < 500) return httpProblem(error);
  return {
    status: 500,
    code: 'internal_error',
    detail:
      'The gateway failed to handle this request; its log has the cause under this request_id.',
  };
}

/** The framework's own validators throw these. */
function httpProblem(error: HTTPException): Problem {
  if (error.status === 400 && /malformed json/i.test(error.message)) {
    return { status: 400, code: 'malformed_json', detail: 'The body is not valid JSON.' };
  }
  if (error.status === 415 || /content.?type/i.test(error.message)) {
    return {
      status: 415,
      code: 'unsupported_media_type',
      detail: 'Send the body as Content-Type: application/json.',
    };
  }
  return {
    status: 400,
    code: 'bad_request',
    detail: error.message || 'The request cannot be handled.',
  };
}
