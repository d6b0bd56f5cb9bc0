// POST /v1/embeddings and GET /v1/models: the fleet for every client of OpenAI's API, with OpenAI's
// shapes, limits and errors.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Manifest } from '#core/model/model-manifest.ts';
import type { EmbeddedText } from '../../fleet/request-embeddings.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { BodyReader } from '../../ingest/read-body.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { vectorView, type VectorFormat } from '../views/vector-view.ts';
import { failure, modelSchema, requestSchema, responseSchema } from './embeddings-schemas.ts';
import { answer } from './schemas.ts';

const bodyBytesMax = 8 * 2 ** 20;
const bodiesAtOnce = 4;

const embeddingsRoute = createRoute({
  method: 'post',
  path: '/v1/embeddings',
  summary: 'Embed texts, as OpenAI does',
  description:
    'Texts are embedded without a prefix: for a model that needs one before queries or passages, ' +
    'the client adds it. Searches have priority over them; they have priority over the stream.',
  request: { body: { required: true, content: { 'application/json': { schema: requestSchema } } } },
  responses: {
    200: answer('One vector per input.', responseSchema),
    400: failure(
      'The request is invalid, or an input is longer than the model accepts ' +
        '(context_length_exceeded).',
    ),
    404: failure('This model is not served here (model_not_found).'),
    413: failure('The body is too large.'),
    415: failure('The body is not JSON.'),
    429: failure('Too many texts at once; retry after the seconds in Retry-After.'),
    503: failure(
      'No runner was free in time (no_runner, runners_busy); ' +
        'retry after the seconds in Retry-After.',
    ),
  },
});
const modelsRoute = createRoute({
  method: 'get',
  path: '/v1/models',
  summary: 'The served model, as a list',
  responses: {
    200: answer(
      'A list with one model.',
      z.object({ object: z.literal('list'), data: z.array(modelSchema) }),
      {
        object: 'list',
        data: [
          {
            id: 'sentence-transformers/all-MiniLM-L6-v2',
            object: 'model',
            created: 1769860800,
            owned_by: 'sentence-transformers',
            dimensions: 384,
            max_tokens: 256,
          },
        ],
      },
    ),
  },
});
const modelRoute = createRoute({
  method: 'get',
  path: '/v1/models/{model}',
  summary: 'The served model',
  request: {
    params: z.object({
      model: z.string().min(1).max(512).openapi({
        description: 'Its id, with a plain or an escaped slash, or the part after the slash.',
        example: 'all-MiniLM-L6-v2',
      }),
    }),
  },
  responses: {
    200: answer('The model.', modelSchema),
    404: failure('This model is not served here.'),
  },
});

export function embeddingRoutes(
  app: OpenAPIHono<AppEnv>,
  { model: { manifest: model }, requestEmbeddings, startedAt, clock }: Services,
): void {
  const bodies = new BodyReader(
    { bytesMax: bodyBytesMax, bytesMaxTogether: bodiesAtOnce * bodyBytesMax, largeAtOnce: 1 },
    clock,
  );
  const described: z.infer<typeof modelSchema> = {
    id: model.modelId,
    object: 'model',
    created: Math.floor(startedAt / 1000),
    owned_by: model.modelId.includes('/')
      ? model.modelId.slice(0, model.modelId.indexOf('/'))
      : 'vectorstream',
    dimensions: model.dimensions,
    max_tokens: model.maxTokens,
  };

  app.openAPIRegistry.registerPath(embeddingsRoute);
  app.post('/v1/embeddings', async (c) => {
    using body = await bodies.read(c.req.raw);
    const {
      model: asked,
      input,
      encoding_format: format,
      dimensions,
      truncate,
    } = parse(body.bytes, c.req.header('content-type'));
    checkModel(model, asked);
    if (dimensions !== undefined && dimensions !== model.dimensions) {
      throw refused(
        'dimensions_not_supported',
        'dimensions',
        `The vectors of ${model.modelId} have ${model.dimensions} dimensions and cannot be ` +
          'shortened: leave dimensions out.',
      );
    }
    const texts = [input].flat();
    c.get('charge')(texts.length - 1);
    const embedded = await requestEmbeddings.embed(texts, c.req.raw.signal);
    const tooLong = truncate
      ? -1
      : embedded.findIndex(({ tokens }) => (tokens ?? 0) > model.maxTokens);
    if (tooLong >= 0) {
      throw refused(
        'context_length_exceeded',
        Array.isArray(input) ? `input[${tooLong}]` : 'input',
        `${model.modelId} accepts at most ${model.maxTokens} tokens; input[${tooLong}] has ` +
          `${embedded[tooLong]?.tokens}. Shorten it, or send "truncate": true to have it cut.`,
      );
    }
    return c.body(await responseText(embedded, format, model.modelId), 200, {
      'Content-Type': 'application/json',
    });
  });

  app.openapi(modelsRoute, (c) => c.json({ object: 'list' as const, data: [described] }, 200));

  app.openAPIRegistry.registerPath(modelRoute);
  app.get('/v1/models/:model{.+}', (c) => {
    checkModel(model, c.req.param('model'));
    return c.json(described, 200);
  });
}

const refused = (code: string, param: string, detail: string): ProblemError =>
  new ProblemError({ status: 400, code, detail, more: { param } });

function checkModel({ modelId }: Manifest, asked: string): void {
  const short = modelId.slice(modelId.lastIndexOf('/') + 1);
  if (asked === modelId || asked === short) return;
  throw new ProblemError({
    status: 404,
    code: 'model_not_found',
    detail:
      `The model ${JSON.stringify(asked.slice(0, 100))} is not served here; ` +
      `the served model is "${short}".`,
    more: { param: 'model' },
  });
}

function parse(bytes: Uint8Array, contentType: string | undefined): z.infer<typeof requestSchema> {
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? ''))
    throw new ProblemError({
      status: 415,
      code: 'unsupported_media_type',
      detail: 'Send the body as Content-Type: application/json.',
    });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ProblemError({
      status: 400,
      code: 'malformed_json',
      detail: 'The body is not valid JSON.',
    });
  }
  const parsed = requestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param =
    issue?.path.map((part) => (typeof part === 'number' ? `[${part}]` : String(part))).join('') ??
    '';
  throw refused(
    'invalid_request',
    param === '' ? 'body' : param,
    `${param === '' ? 'body' : param}: ${issue?.message.slice(0, 300)}`,
  );
}

/** Vectors between two turns of the event loop. */
const vectorsPerTurn = 64;

/** Writes the JSON in steps: thousands of vectors at once would block the event loop. */
async function responseText(
  embedded: readonly EmbeddedText[],
  format: VectorFormat,
  model: string,
): Promise<string> {
  const items: string[] = [];
  for (const [index, { vector }] of embedded.entries()) {
    if (index % vectorsPerTurn === vectorsPerTurn - 1) await nextTurn();
    const value = JSON.stringify(vectorView(vector, format));
    items.push(`{"object":"embedding","index":${index},"embedding":${value}}`);
  }
  const tokens = embedded.reduce<number | null>(
    (sum, one) => (sum === null || one.tokens === null ? null : sum + one.tokens),
    0,
  );
  const usage = `{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
  const data = items.join(',');
  return `{"object":"list","data":[${data}],"model":${JSON.stringify(model)},"usage":${usage}}`;
}
