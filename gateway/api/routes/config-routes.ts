// GET /config shows every setting and where its value came from; PUT /config/{section} changes the
// live settings.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { UsageError } from '#core/errors/errors.ts';
import { configSchema, settings as allSettings } from '../../config/all-sections.ts';
import { isSet } from '../../config/config.ts';
import { RestartNeededError } from '../../config/live-settings.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';

const settingSchema = z
  .object({
    value: z.unknown().openapi({ description: 'Absent for a secret.' }).optional(),
    is_set: z
      .boolean()
      .optional()
      .openapi({ description: 'Only for a secret: whether it has a value.' }),
    origin: z.enum(['default', 'file', 'environment', 'flag', 'override', 'request']).openapi({
      description:
        'override: persisted by PUT /config/{section}; request: changed until the next restart.',
    }),
    live: z.boolean().openapi({ description: 'Whether PUT /config/{section} may change it.' }),
  })
  .openapi('Setting');
const sectionSchema = z.record(z.string(), settingSchema);
const configAnswer = z.record(z.string(), sectionSchema).openapi('Configuration', {
  description: 'Settings by section and name, as in vectorstream.example.yaml.',
});

export type ConfigView = z.infer<typeof configAnswer>;

const exampleSection = {
  batchAgeMsMax: { value: 20, origin: 'request' as const, live: true },
  unsettledMax: { value: 20_000, origin: 'default' as const, live: true },
};

const getRoute = createRoute({
  method: 'get',
  path: '/config',
  summary: 'Every setting of this gateway, without secrets',
  responses: {
    200: answer('All sections.', configAnswer, {
      pipeline: exampleSection,
      qdrant: { apiKey: { is_set: false, origin: 'default', live: false } },
    }),
  },
});

const valuesSchema = z
  .record(
    z.string().max(64),
    z.union([
      z.string().max(4096),
      z.number(),
      z.boolean(),
      z.null(),
      z.array(z.string().max(4096)).max(1000),
    ]),
  )
  .openapi({ example: { batchAgeMsMax: 20 } });

const putRoute = createRoute({
  method: 'put',
  path: '/config/{section}',
  summary: 'Change settings while the gateway runs',
  description:
    'Changes all of the settings in the body, or none; the others stay. `null` removes what an ' +
    'earlier change had set. Affects this gateway only.',
  request: {
    params: z.object({ section: z.string().min(1).max(64).openapi({ example: 'pipeline' }) }),
    query: z.strictObject({
      persist: z
        .enum(['true', 'false'])
        .default('false')
        .openapi({
          description:
            'true: the change also holds after a restart; it overrides file, environment and ' +
            'flags ' +
            '(overrides.yaml in the data folder).',
        }),
    }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: valuesSchema,
        },
      },
    },
  },
  responses: {
    200: answer('The section as it is now.', sectionSchema, exampleSection),
    404: problem('No such section.'),
    409: problem('A setting takes effect only at the start: nothing was changed.'),
    422: problem('A setting does not exist, or a value is not allowed: nothing was changed.'),
  },
});

export function configRoutes(
  app: OpenAPIHono<AppEnv>,
  { settings, config }: Pick<Services, 'settings' | 'config'>,
): void {
  const shown = (section: string): z.infer<typeof sectionSchema> =>
    Object.fromEntries(
      allSettings
        .filter((setting) => setting.section === section)
        .map((setting) => {
          const value: unknown = Reflect.get(Reflect.get(config, section), setting.name);
          const { secret, live } = setting.key;
          return [
            setting.name,
            {
              ...(secret ? { is_set: isSet(value) } : { value }),
              origin: settings.origin(setting),
              live,
            },
          ];
        }),
    );

  app.openapi(getRoute, (c) =>
    c.json(
      Object.fromEntries(Object.keys(configSchema).map((section) => [section, shown(section)])),
      200,
    ),
  );

  app.openapi(putRoute, async (c) => {
    const { section } = c.req.valid('param');
    const { persist } = c.req.valid('query');
    // A request without a type is let through by the validation.
    if (c.req.header('content-type') === undefined)
      throw new ProblemError({
        status: 415,
        code: 'unsupported_media_type',
        detail: 'Send the body as Content-Type: application/json.',
      });
    // The body as sent: the validated copy has lost a name such as __proto__, which is unknown too.
    const values: z.infer<typeof valuesSchema> = await c.req.json();
    if (!Object.hasOwn(configSchema, section))
      throw new ProblemError({
        status: 404,
        code: 'section_not_found',
        detail: `The sections are ${Object.keys(configSchema).join(', ')}.`,
      });
    try {
      await settings.change(section, values, persist === 'true');
    } catch (error) {
      if (error instanceof RestartNeededError)
        throw new ProblemError({ status: 409, code: 'restart_needed', detail: error.message });
      if (error instanceof UsageError)
        throw new ProblemError({ status: 422, code: 'validation_failed', detail: error.message });
      throw error;
    }
    // None of the values is a secret, because secrets cannot change live.
    Object.assign(c.get('audit'), { changed: values, persist: persist === 'true' });
    c.get('log').info(
      { section, changed: values, persist: persist === 'true', key: c.get('client').key },
      'settings changed',
    );
    return c.json(shown(section), 200);
  });
}
