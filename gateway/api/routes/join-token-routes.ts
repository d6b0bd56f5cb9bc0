// /runners/tokens: creates, lists and revokes the tokens with which tabs join for a limited time.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { joinTokensMax, ttlMsMax, type JoinToken } from '../../access/join-tokens.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';

const minuteMs = 60_000;

const tokenRequest = z
  .strictObject({
    name: z
      .string()
      .max(100)
      .default('')
      .openapi({ description: 'Who or what it is for; shown in lists.' }),
    ttl_minutes: z
      .int()
      .min(1)
      .max(ttlMsMax / minuteMs)
      .default(60),
    runners_max: z
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .openapi({ description: 'Maximum number of runners that are connected with it at once.' }),
    texts_per_second_max: z
      .number()
      .min(0.1)
      .max(1_000_000)
      .nullable()
      .default(null)
      .openapi({ description: 'The limit of all its runners together; null: no limit.' }),
  })
  .openapi('JoinTokenRequest', {
    example: { name: 'tabs in the shop', ttl_minutes: 60, runners_max: 5 },
  });

const limitsSchema = z.object({
  runners_max: z.int(),
  texts_per_second_max: z.number().nullable(),
});
const tokenSchema = z
  .object({ id: z.string(), name: z.string(), expires_at: z.iso.datetime(), limits: limitsSchema })
  .openapi('JoinToken');
const madeSchema = tokenSchema
  .extend({ token: z.string().openapi({ description: 'Told once, here.' }) })
  .openapi('MadeJoinToken');
const listedSchema = tokenSchema
  .extend({
    made_at: z.iso.datetime(),
    revoked: z.boolean(),
    runners: z.int().openapi({ description: 'Connected to this gateway with it now.' }),
  })
  .openapi('ListedJoinToken');

export type JoinTokenRequest = z.input<typeof tokenRequest>;
export type MadeJoinToken = z.output<typeof madeSchema>;
export type ListedJoinToken = z.output<typeof listedSchema>;

const exampleToken = {
  id: '6f1c2b8e-4d0a-4c1e-9b7a-2f3d5a6c7e81',
  name: 'tabs in the shop',
  expires_at: '2026-01-31T13:00:00.000Z',
  limits: { runners_max: 5, texts_per_second_max: null },
};

const tokenParams = z.object({ id: z.uuid() });
const done = (description: string) => ({ description });

const makeRoute = createRoute({
  method: 'post',
  path: '/runners/tokens',
  summary: 'Create a token with which tabs join for a limited time',
  request: { body: { content: { 'application/json': { schema: tokenRequest } }, required: true } },
  responses: {
    201: answer(
      'Every gateway with the same trusted runner token accepts it. Its runners are never trusted.',
      madeSchema,
      { ...exampleToken, token: 'eyJpZCI6…' },
    ),
    422: problem('The request is invalid.'),
    429: problem('Too many join tokens have not expired.'),
  },
});
const listRoute = createRoute({
  method: 'get',
  path: '/runners/tokens',
  summary: 'Join tokens made by this gateway that have not expired',
  responses: {
    200: answer(
      'Without the tokens themselves; newest first.',
      z.object({ items: z.array(listedSchema), next_cursor: z.null() }),
      {
        items: [
          { ...exampleToken, made_at: '2026-01-31T12:00:00.000Z', revoked: false, runners: 2 },
        ],
        next_cursor: null,
      },
    ),
  },
});
const revokeRoute = createRoute({
  method: 'delete',
  path: '/runners/tokens/{id}',
  summary: 'Revoke a join token at all gateways of the store',
  request: { params: tokenParams },
  responses: {
    204: done(
      'Its runners are disconnected (4401), at other gateways within seconds, and none joins ' +
        'with it again.',
    ),
    422: problem('The id is invalid.'),
    503: problem(
      'The store does not answer. The token is revoked here; other gateways learn of it later.',
    ),
  },
});
export function joinTokenRoutes(
  app: OpenAPIHono<AppEnv>,
  { joinTokens, runners, log }: Services,
): void {
  app.openapi(makeRoute, async (c) => {
    const { name, ttl_minutes, runners_max, texts_per_second_max } = c.req.valid('json');
    const made = await joinTokens.make({
      name,
      ttlMs: ttl_minutes * minuteMs,
      runnersMax: runners_max,
      textsPerSecondMax: texts_per_second_max,
    });
    if (made === null)
      throw new ProblemError({
        status: 429,
        code: 'too_many_join_tokens',
        detail: `There are ${joinTokensMax} join tokens that have not expired.`,
        retryAfter: 60,
      });
    log.info(
      { join_token: made.terms.id, name, expires_at: new Date(made.terms.expiresAt).toISOString() },
      'join token made',
    );
    return c.json({ token: made.token, ...tokenOf(made.terms) }, 201, {
      'Cache-Control': 'no-store',
    });
  });

  app.openapi(listRoute, (c) => {
    const connected = runners().filter(({ quarantine }) => quarantine === null);
    const items = joinTokens.list().map((token) => ({
      ...tokenOf(token),
      made_at: new Date(token.madeAt).toISOString(),
      revoked: token.isRevoked,
      runners: connected.filter(({ tokenId }) => tokenId === token.id).length,
    }));
    return c.json({ items, next_cursor: null }, 200);
  });

  app.openapi(revokeRoute, async (c) => {
    const { id } = c.req.valid('param');
    await joinTokens.revoke(id);
    log.info({ join_token: id }, 'join token revoked');
    return c.body(null, 204);
  });
}

const tokenOf = ({
  id,
  name,
  expiresAt,
  runnersMax,
  textsPerSecondMax,
}: JoinToken): z.infer<typeof tokenSchema> => ({
  id,
  name,
  expires_at: new Date(expiresAt).toISOString(),
  limits: { runners_max: runnersMax, texts_per_second_max: textsPerSecondMax },
});
