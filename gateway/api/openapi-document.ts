// Describes the API as OpenAPI 3.1 from the schemas that validate the requests, and adds what holds
// for every path.

import type { OpenAPIHono } from '@hono/zod-openapi';
import { assert } from '#core/errors/assert.ts';
import type { EventType } from '#core/ports.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { ruleOf } from '../access/route-scopes.ts';
import { namesOf } from '../config/api-keys.ts';
import { problemContentType, titleOf } from '../http/problem-document.ts';
import { apiIntroduction } from './api-introduction.ts';
import type { AppEnv } from './app-env.ts';
import { describeFields } from './describe-fields.ts';
import { withEventTypes } from './documented-event-types.ts';

type Document = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>;
type Operation = NonNullable<NonNullable<Document['paths']>[string]['get']>;

const tags = [
  {
    name: 'Events',
    prefixes: ['/events'],
    description: 'Send events, and read the events that are stored.',
  },
  {
    name: 'Search',
    prefixes: [
      '/search',
      '/texts',
      '/products',
      '/recommendations',
      '/users',
      '/trends',
      '/funnel',
    ],
    description: "Search by meaning, and analyses of visitors' behaviour.",
  },
  {
    name: 'Privacy',
    prefixes: ['/erasures'],
    description: 'Erase what a person did. See docs/privacy.md.',
  },
  {
    name: 'Embeddings',
    prefixes: ['/v1'],
    description: "The fleet as an OpenAI-compatible server. Errors have OpenAI's shape.",
  },
  {
    name: 'Dead letters',
    prefixes: ['/dlq'],
    description: 'Events that could not be stored, each with its reason and its original bytes.',
  },
  { name: 'Fleet', prefixes: ['/runners'], description: 'The runners connected to this gateway.' },
  {
    name: 'Live',
    prefixes: ['/ws', '/sse'],
    description: 'Changes as they happen. See docs/live.md for the messages.',
  },
  {
    name: 'Health',
    prefixes: ['/livez', '/readyz', '/startupz', '/health', '/system'],
    description: 'Whether the gateway runs, whether it can work, and the state of its parts.',
  },
  {
    name: 'Operation',
    prefixes: ['/stats', '/metrics', '/config', '/audit', '/generator'],
    description: 'Statistics and settings of this gateway.',
  },
] as const;

/** Errors that every operation may answer, besides those that it describes itself. */
const commonErrors = {
  401: 'The API key is missing or wrong. Only a gateway that has keys answers so.',
  403: 'This origin may not use the API, or this key lacks the scope.',
  429: 'Too many requests; retry after the seconds in Retry-After.',
  500: 'The gateway failed; its log has the cause under request_id.',
  503: 'A part that this request needs is not available; retry after the seconds in Retry-After.',
};
/** Answered before the path is known, so always as a problem document. */
const serverErrors: Readonly<Record<string, string>> = {
  408: 'The request did not arrive in time.',
  414: 'The path with its query is too long (server.urlBytesMax).',
  431: 'The headers are too large (server.headerBytesMax), or too many.',
};
const bodyErrors: Readonly<Record<string, string>> = {
  400: 'The body does not match its Content-Type.',
  413: 'The body is too large.',
  415: 'The Content-Type is not supported.',
};
const inputErrors: Readonly<Record<string, string>> = {
  422: 'A parameter or a member of the body is not as described; `errors` says which.',
};
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * @param basePath below which a proxy serves the gateway
 * @param types that events may have
 */
export function openApiDocument(
  app: OpenAPIHono<AppEnv>,
  basePath: string,
  types: readonly EventType[],
): Document {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'VectorStream',
      version: packageJson.version,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      description: apiIntroduction,
    },
    servers: [{ url: basePath, description: 'This gateway.' }],
    tags: tags.map(({ name, description }) => ({ name, description })),
    security: [{ bearer: [] }, { apiKey: [] }, {}],
  });
  for (const [path, item] of Object.entries(document.paths ?? {}))
    for (const method of methods) {
      const operation = item[method];
      if (operation !== undefined) complete(operation, method, path);
    }
  const components = (document.components ??= {});
  components.securitySchemes = {
    bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
  };
  describeFields(document);
  return withEventTypes(document, types);
}

/** Adds id, tag (where the route names none), scope and the errors that every operation shares. */
function complete(operation: Operation, method: (typeof methods)[number], path: string): void {
  operation.operationId = operationId(method, path);
  operation.tags ??= [tagOf(path)];
  const { scope } = ruleOf(method.toUpperCase(), path);
  if (scope === 'open') operation.security = [];
  else {
    const scopes = namesOf(scope).replaceAll(' or ', '` or `');
    const required = `Requires a key with the scope \`${scopes}\`.`;
    operation.description = [operation.description, required].filter(Boolean).join(' ');
  }
  const hasBody = operation.requestBody !== undefined;
  const hasInput = hasBody || (operation.parameters ?? []).length > 0;
  const isOpenAi = path.startsWith('/v1');
  const errors = {
    ...(scope === 'open' ? {} : commonErrors),
    421: 'The Host header names another server.',
    500: commonErrors[500],
    ...(hasBody && bodyErrors),
    ...(hasInput && !isOpenAi && inputErrors),
  };
  const responses = { ...operation.responses };
  for (const [status, description] of Object.entries(errors))
    responses[status] ??= isOpenAi
      ? errorResponse(description, 'application/json', 'OpenAiError')
      : errorResponse(description, problemContentType, 'Problem');
  for (const [status, description] of Object.entries(serverErrors))
    responses[status] ??= errorResponse(description, problemContentType, 'Problem');
  operation.responses = responses;
}

const errorResponse = (description: string, type: string, schema: string) => ({
  description,
  content: { [type]: { schema: { $ref: `#/components/schemas/${schema}` } } },
});

/** Stable as long as method and path are: `get /dlq/messages/{id}` → `getDlqMessagesById`. */
function operationId(method: string, path: string): string {
  const words = path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('{') ? `by-${part.slice(1, -1)}` : part))
    .join('-')
    .split(/[^A-Za-z0-9]+/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function tagOf(path: string): string {
  const tag = tags.find(({ prefixes }) =>
    prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)),
  );
  assert(tag !== undefined, `${path} has no tag`);
  return tag.name;
}

export const exampleProblem = {
  type: 'urn:vectorstream:problem:validation_failed',
  title: titleOf(422),
  status: 422,
  detail: 'limit: Too big: expected number to be <=1000',
  code: 'validation_failed',
  request_id: '0b7a3c9e-6d0f-4a6e-9a51-3f6f0a6e4b52',
  timestamp: '2026-01-31T12:00:00.000Z',
};
