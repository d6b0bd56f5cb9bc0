// GET /audit: the audit trail of this gateway, newest line first.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, badCursor, pageQueryFields, problem } from './schemas.ts';

const exampleLine = {
  time: '2026-01-31T12:00:00.000Z',
  key: 'shop-1',
  address: '10.0.0.7',
  method: 'POST',
  path: '/events',
  status: 202,
  request_id: '0b7a3c9e-6d0f-4a6e-9a51-3f6f0a6e4b52',
  accepted: 500,
  rejected: 0,
  dead_lettered: 0,
};
const lineSchema = z
  .looseObject({
    time: z.iso.datetime().openapi({ description: 'When the call was answered.' }),
    key: z.string().nullable().openapi({ description: 'Name of the API key.' }),
    address: z.string().openapi({ description: 'IP address of the client.' }),
    method: z.string().openapi({ description: 'HTTP method.' }),
    path: z.string(),
    status: z.int(),
    request_id: z.string(),
  })
  .openapi('AuditLine', { example: exampleLine });
const pageSchema = z.object({ items: z.array(lineSchema), next_cursor: z.string().nullable() });

export type AuditPage = z.infer<typeof pageSchema>;

const placeSchema = z.tuple([z.string().regex(/^\d{1,20}$/), z.int().min(0)]);

const route = createRoute({
  method: 'get',
  path: '/audit',
  summary: 'Who changed what at this gateway',
  description:
    'The lines of `audit.ndjson` in the data folder and of the file before it, newest first. ' +
    'What was moved elsewhere, such as by logrotate, is not included.',
  request: { query: z.strictObject(pageQueryFields) },
  responses: {
    200: answer('One page.', pageSchema, { items: [exampleLine], next_cursor: null }),
    404: problem('This gateway keeps no audit trail (audit.fileBytesMax is 0).'),
  },
});

export function auditRoutes(app: OpenAPIHono<AppEnv>, { audit }: Services): void {
  app.openapi(route, async (c) => {
    const { limit, cursor } = c.req.valid('query');
    if (audit.read === null)
      throw new ProblemError({
        status: 404,
        code: 'audit_off',
        detail: 'This gateway keeps no audit trail: audit.fileBytesMax is 0.',
      });
    const page = await audit.read(limit, cursor === undefined ? null : placeOf(cursor));
    // The file that the cursor is in was moved away.
    if (page === null) throw badCursor();
    const { items, next } = page;
    const nextCursor =
      next === null
        ? null
        : Buffer.from(JSON.stringify([next.file, next.offset])).toString('base64url');
    const lines = items.flatMap((item) => lineSchema.safeParse(item).data ?? []);
    return c.json({ items: lines, next_cursor: nextCursor }, 200);
  });
}

function placeOf(cursor: string): { readonly file: string; readonly offset: number } {
  try {
    const [file, offset] = placeSchema.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString()),
    );
    return { file, offset };
  } catch {
    throw badCursor();
  }
}
