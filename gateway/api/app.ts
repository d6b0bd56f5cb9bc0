// The HTTP API: the middleware that every request passes, all routes, and the answers to errors.

import { OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { getPath } from 'hono/utils/url';
import { printable } from '#core/event/json-guard.ts';
import { createWithBrands } from '#core/vectors/shop/brand-filter.ts';
import { createPresentRules } from '#core/vectors/shop/present-rules.ts';
import { pathBelow } from '../http/base-path.ts';
import type { AppEnv } from './app-env.ts';
import { applySecurityHeaders } from './middleware/apply-security-headers.ts';
import { auditTo } from './middleware/audit.ts';
import { bodyLimit } from './middleware/body-limit.ts';
import { corsFor } from './middleware/cors.ts';
import { countRequests, routeName } from './middleware/count-requests.ts';
import { onlyUtf8 } from './middleware/only-utf8.ts';
import { problemOf, problemResponse } from './middleware/problem-response.ts';
import { requestId } from './middleware/request-id.ts';
import { requireAccess } from './middleware/require-access.ts';
import { openApiDocument } from './openapi-document.ts';
import { attributionRoute } from './routes/attribution-routes.ts';
import { auditRoutes } from './routes/audit-routes.ts';
import { catalogueRoutes } from './routes/catalogue-routes.ts';
import { configRoutes } from './routes/config-routes.ts';
import { deadLetterActionRoutes } from './routes/dead-letter-actions.ts';
import { deadLetterRoutes } from './routes/dead-letter-routes.ts';
import { embeddingRoutes } from './routes/embeddings-routes.ts';
import { erasureRoutes } from './routes/erasure-routes.ts';
import { funnelRoute } from './routes/funnel-routes.ts';
import { generatorRoute } from './routes/generator-routes.ts';
import { healthRoutes } from './routes/health-routes.ts';
import { historyRoutes } from './routes/history-routes.ts';
import { ingestRoute } from './routes/ingest-routes.ts';
import { joinTokenRoutes } from './routes/join-token-routes.ts';
import { liveRoutes } from './routes/live-routes.ts';
import { pageRoutes, rootRoute } from './routes/page-routes.ts';
import { quarantineRoutes } from './routes/quarantine-routes.ts';
import { recommendationRoutes } from './routes/recommendation-routes.ts';
import { runnerRoutes } from './routes/runner-routes.ts';
import { searchRoute } from './routes/search-routes.ts';
import { searchRuleRoutes } from './routes/search-rule-routes.ts';
import { similarRoute } from './routes/similar-routes.ts';
import { statsRoutes } from './routes/stats-routes.ts';
import { eventRoutes } from './routes/stored-event-routes.ts';
import { storedTextRoutes } from './routes/stored-text-routes.ts';
import { trendRoute } from './routes/trend-routes.ts';
import type { Services } from './services.ts';

/** Limits the bodies of all requests except those that carry events or texts. */
const requestBytesMax = 256 * 1024;

/** These paths serve WebSockets; over HTTP they only ask for an upgrade. */
const socketPaths = ['/runners/connect', '/ws/events'];

export function createApp(services: Services): OpenAPIHono<AppEnv> {
  const { config, log, access, audit, telemetry, clock } = services;
  const { basePath } = config.gateway;
  const app = new OpenAPIHono<AppEnv>({
    getPath: (request) => pathBelow(basePath, getPath(request)),
    defaultHook: (result, c) => (result.success ? undefined : invalidInput(c, result.error)),
  });

  app.onError((error, c) => {
    const problem = problemOf(error);
    // The client has left, which may have caused the error.
    if (c.req.raw.signal.aborted)
      c.get('log').debug({ err: error, path: c.req.path }, 'the client has disconnected');
    else if (problem.status === 500)
      c.get('log').error({ err: error, path: c.req.path }, 'request failed');
    return problemResponse(c, problem);
  });
  app.notFound((c) =>
    problemResponse(c, {
      status: 404,
      code: 'not_found',
      detail: 'There is nothing at this path; GET / lists all paths.',
    }),
  );

  app.use(countRequests(telemetry, clock));
  app.use(requestId(log));
  app.use(applySecurityHeaders(config.gateway));
  app.use(corsFor(() => access.origins()));
  app.use(auditTo(audit));
  app.use(requireAccess(access));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        c.header('Allow', methods.join(', '));
        if (c.req.method === 'OPTIONS') return c.body(null, 204);
        return problemResponse(c, {
          status: 405,
          code: 'method_not_allowed',
          detail: `This path accepts ${methods.join(', ')}.`,
        });
      },
    }),
  );

  // Before the general limit on bodies, because these routes have their own limits.
  ingestRoute(app, services);
  catalogueRoutes(app, services);
  deadLetterActionRoutes(app, services);
  embeddingRoutes(app, services);
  app.use(bodyLimit(requestBytesMax));
  app.use(onlyUtf8);
  const rules = createPresentRules(services.store, clock);
  searchRoute(app, services, rules, createWithBrands(services.store.catalogue));
  searchRuleRoutes(app, services, rules);
  similarRoute(app, services);
  recommendationRoutes(app, services);
  trendRoute(app, services);
  funnelRoute(app, services);
  eventRoutes(app, services);
  storedTextRoutes(app, services);
  deadLetterRoutes(app, services);
  statsRoutes(app, services);
  attributionRoute(app, services);
  historyRoutes(app, services);
  // Before /runners/{id}, which would match them.
  joinTokenRoutes(app, services);
  quarantineRoutes(app, services);
  runnerRoutes(app, services);
  healthRoutes(app, services);
  liveRoutes(app, services);
  pageRoutes(app, services);
  let document: ReturnType<typeof openApiDocument> | null = null;
  app.get('/openapi.json', (c) =>
    c.json((document ??= openApiDocument(app, basePath, services.eventTypes.names))),
  );
  operatorRoutes(app, services);
  rootRoute(app, services, () => aboutOf(app, services));
  telemetry.requests.routes(routesOf(app));
  return app;
}

/** A path may have names that the client chose. */
const pathMax = 300;

function invalidInput(c: Context, error: z.core.$ZodError): Response {
  const issues = error.issues.slice(0, 20).map(({ path, message }) => ({
    path: printable(path.map(String).join('.'), pathMax),
    message: message.slice(0, 300),
  }));
  const detail = issues
    .slice(0, 3)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ');
  return problemResponse(c, {
    status: 422,
    code: 'validation_failed',
    detail,
    more: { errors: issues },
  });
}

/** The routes of the app, each once, such as `GET /events/{id}`. */
function routesOf(app: OpenAPIHono<AppEnv>): readonly string[] {
  const routes = app.routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(routes.map(({ method, path }) => routeName(method, path)))];
}

function operatorRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  configRoutes(app, services);
  generatorRoute(app, services);
  auditRoutes(app, services);
  erasureRoutes(app, services);
}

/** What GET / tells a program. */
const aboutOf = (app: OpenAPIHono<AppEnv>, { eventTypes }: Services): object => ({
  name: 'VectorStream',
  event_types: eventTypes.names,
  paths: pathsOf(app),
});

function pathsOf(app: OpenAPIHono<AppEnv>): readonly string[] {
  const hidden = ['/', ...socketPaths].map((path) => routeName('GET', path));
  return [
    ...routesOf(app).filter((route) => !hidden.includes(route)),
    ...socketPaths.map((path) => `WS ${path}`),
  ];
}
