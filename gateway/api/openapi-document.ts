// Describes the API as OpenAPI 3.1 from the schemas that validate the requests, and says once what
// holds for every path.

import type { OpenAPIHono } from '@hono/zod-openapi';
import { ruleOf } from '../access/route-rules.ts';
import { problemContentType, titleOf } from '../http/problem-document.ts';
import type { AppEnv } from './app-env.ts';

type Document = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>;

const tags = [
  {
    name: 'Events',
    prefixes: ['/events'],
    description: 'Taking events in, and the events that are stored.',
  },
  {
    name: 'Search',
    prefixes: ['/search', '/products', '/users', '/trends'],
    description: "Search by meaning, and what visitors' behaviour tells.",
  },
  {
    name: 'Embeddings',
    prefixes: ['/v1'],
    description: "The fleet as an OpenAI-compatible server. Errors have OpenAI's shape.",
  },
  {
    name: 'Dead letters',
    prefixes: ['/dlq'],
    description: 'Events that could not be stored, each with its reason and its bytes.',
  },
  { name: 'Fleet', prefixes: ['/runners'], description: 'The runners connected to this gateway.' },
  {
    name: 'Live',
    prefixes: ['/ws', '/sse'],
    description: 'What happens, as it happens. See docs/live.md for the messages.',
  },
  {
    name: 'Health',
    prefixes: ['/livez', '/readyz', '/startupz', '/health', '/system'],
    description: 'Whether the gateway lives, can work, and how it feels.',
  },
  {
    name: 'Operation',
    prefixes: ['/stats', '/metrics', '/config'],
    description: 'Figures and settings of this gateway.',
  },
] as const;

/** Beside what an operation says of itself. */
const commonErrors: Readonly<Record<string, string>> = {
  401: 'No API key, or a wrong one (only where the gateway has keys).',
  403: 'Not from this origin, or not with this key.',
  429: 'Too much at once: wait as Retry-After says.',
  500: 'The gateway failed; its log has the cause under request_id.',
  503: 'A part that this needs is not there at present: wait as Retry-After says.',
};
/** Told before a path is looked at, and so in the one shape for all of them. */
const serverErrors: Readonly<Record<string, string>> = {
  408: 'The request did not come in time.',
  414: 'The path with its query is too long (server.urlBytesMax).',
  431: 'The headers are too large (server.headerBytesMax), or too many.',
};
const bodyErrors: Readonly<Record<string, string>> = {
  400: 'The body is not what its Content-Type says.',
  413: 'The body is too large.',
  415: 'The body has another Content-Type.',
};
const inputErrors: Readonly<Record<string, string>> = {
  422: 'A parameter or a member of the body is not as described; `errors` says which.',
};
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Operation ids follow from method and path alone, so that they never change while those do not. */
export function openApiDocument(app: OpenAPIHono<AppEnv>): Document {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'VectorStream',
      version: '0.1.0',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      description:
        'Turns a stream of e-commerce behaviour events into a live, searchable vector index.',
    },
    servers: [{ url: '/', description: 'This gateway.' }],
    tags: tags.map(({ name, description }) => ({ name, description })),
    security: [{ bearer: [] }, { apiKey: [] }, {}],
  });
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (operation === undefined) continue;
      operation.operationId = operationId(method, path);
      operation.tags = [tagOf(path)];
      const { scope } = ruleOf(method.toUpperCase(), path);
      if (scope === 'open') operation.security = [];
      else
        operation.description = [
          operation.description,
          `Asks for a key with the scope \`${scope}\`.`,
        ]
          .filter(Boolean)
          .join(' ');
      const hasInput =
        operation.requestBody !== undefined || (operation.parameters ?? []).length > 0;
      const errors = {
        ...(scope === 'open' ? {} : commonErrors),
        421: 'The Host header names another server.',
        500: commonErrors[500] ?? '',
        ...(operation.requestBody !== undefined && bodyErrors),
        ...(hasInput && !path.startsWith('/v1') && inputErrors),
      };
      const schema = {
        $ref: path.startsWith('/v1')
          ? '#/components/schemas/OpenAiError'
          : '#/components/schemas/Problem',
      };
      const type = path.startsWith('/v1') ? 'application/json' : problemContentType;
      const responses = { ...operation.responses };
      for (const [status, description] of Object.entries(errors))
        responses[status] ??= { description, content: { [type]: { schema } } };
      for (const [status, description] of Object.entries(serverErrors))
        responses[status] ??= {
          description,
          content: { [problemContentType]: { schema: { $ref: '#/components/schemas/Problem' } } },
        };
      operation.responses = responses;
    }
  }
  const components = (document.components ??= {});
  components.securitySchemes = {
    bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
  };
  return document;
}

/** `get /dlq/messages/{id}` → `getDlqMessagesById` */
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
  if (tag === undefined) throw new Error(`${path} has no tag. This is a bug in VectorStream.`);
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
