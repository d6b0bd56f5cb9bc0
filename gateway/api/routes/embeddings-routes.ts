// POST /v1/embeddings and GET /v1/models: the fleet for every client that speaks OpenAI's API, with
// its shapes, limits and errors.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Manifest } from '#core/model/model-manifest.ts';
import type { EmbeddedText } from '../../fleet/request-embeddings.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { BodyReader } from '../../ingest/read-body.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer } from './schemas.ts';

/** As many inputs as OpenAI takes at once. */
const inputsMax = 2048;
const bodyBytesMax = 8 * 2 ** 20;
const bodiesAtOnce = 4;

const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
    }),
  })
  .openapi('OpenAiError', {
    example: {
      error: {
        message: 'The model "text-embedding-3-small" is not served here; it is "all-MiniLM-L6-v2".',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    },
  });
const failure = (description: string) => ({
  description,
  content: { 'application/json': { schema: errorSchema } },
});

const inputText = z.string().min(1, 'is empty');
const inputAllowed = `expected a text, or a list of 1 to ${inputsMax} texts; lists of tokens are not taken: send the texts themselves`;
const requestSchema = z
  .strictObject({
    model: z.string().openapi({
      description: 'The id of the served model, or the part of it after the last slash.',
    }),
    input: z.union([inputText, z.array(inputText).min(1).max(inputsMax)], {
      error: (issue) => (issue.input === undefined ? 'is missing' : inputAllowed),
    }),
    encoding_format: z
      .enum(['float', 'base64'])
      .default('float')
      .openapi({ description: 'base64: of the vector as float32, little-endian.' }),
    dimensions: z.int().optional().openapi({
      description: "Only the model's own: a vector of this model cannot be shortened.",
    }),
    truncate: z.boolean().default(false).openapi({
      description:
        "Not in OpenAI's API. true: a text that is longer than the model takes is cut. false: it is refused.",
    }),
    user: z.string().optional().openapi({ description: 'Ignored.' }),
  })
  .openapi('EmbeddingsRequest', {
    example: { model: 'all-MiniLM-L6-v2', input: ['red enamel kettle', 'garden hose'] },
  });

const usageSchema = z
  .object({ prompt_tokens: z.int().nullable(), total_tokens: z.int().nullable() })
  .openapi({
    description:
      "As the runners' tokenizer counted, special tokens included, a text that comes twice twice. null when a runner took part that does not count.",
  });
const responseSchema = z
  .object({
    object: z.literal('list'),
    data: z
      .array(
        z.object({
          object: z.literal('embedding'),
          index: z.int(),
          embedding: z.union([z.array(z.number()), z.string()]),
        }),
      )
      .openapi({ description: 'One per input, in order.' }),
    model: z.string(),
    usage: usageSchema,
  })
  .openapi('EmbeddingsResponse', {
    example: {
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [0.0123, -0.0456, 0.0789] }],
      model: 'sentence-transformers/all-MiniLM-L6-v2',
      usage: { prompt_tokens: 6, total_tokens: 6 },
    },
  });

const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    dimensions: z.int(),
    max_tokens: z.int(),
  })
  .openapi('Model', {
    example: {
      id: 'sentence-transformers/all-MiniLM-L6-v2',
      object: 'model',
      created: 1769860800,
      owned_by: 'sentence-transformers',
      dimensions: 384,
      max_tokens: 256,
    },
  });

export type EmbeddingsRequest = z.input<typeof requestSchema>;
export type EmbeddingsResponse = z.output<typeof responseSchema>;
export type ModelView = z.output<typeof modelSchema>;

const embeddingsRoute = createRoute({
  method: 'post',
  path: '/v1/embeddings',
  summary: 'Embed texts, as OpenAI does',
  description:
    'Texts are embedded as they come: a model that wants a prefix before queries or passages gets it from the client. They go after searches and before the stream.',
  request: { body: { required: true, content: { 'application/json': { schema: requestSchema } } } },
  responses: {
    200: answer('One vector per input.', responseSchema),
    400: failure(
      'The request is not one, or an input is longer than the model takes (context_length_exceeded).',
    ),
    404: failure('Another model is served here (model_not_found).'),
    413: failure('The body is too large.'),
    415: failure('The body is not JSON.'),
    429: failure('Too many texts at once: wait as Retry-After says.'),
    503: failure('No runner in time (no_runner, runners_busy): wait as Retry-After says.'),
  },
});
const modelsRoute = createRoute({
  method: 'get',
  path: '/v1/models',
  summary: 'The served model, as a list',
  responses: {
    200: answer('One.', z.object({ object: z.literal('list'), data: z.array(modelSchema) }), {
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
    }),
  },
});
const modelRoute = createRoute({
  method: 'get',
  path: '/v1/models/{model}',
  summary: 'The served model',
  request: {
    params: z.object({
      model: z.string().min(1).max(512).openapi({
        description: 'Its id, with the slash as it is or escaped, or the part after it.',
        example: 'all-MiniLM-L6-v2',
      }),
    }),
  },
  responses: {
    200: answer('The model.', modelSchema),
    404: failure('Another model is served here.'),
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
    named(model, asked);
    if (dimensions !== undefined && dimensions !== model.dimensions) {
      throw refused(
        'dimensions_not_supported',
        'dimensions',
        `The vectors of ${model.modelId} have ${model.dimensions} dimensions and cannot be shortened: leave dimensions out.`,
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
        `${model.modelId} takes at most ${model.maxTokens} tokens; input[${tooLong}] has ${embedded[tooLong]?.tokens}. Shorten it, or send "truncate": true to have it cut.`,
      );
    }
    return c.body(await responseText(embedded, format, model.modelId), 200, {
      'Content-Type': 'application/json',
    });
  });

  app.openapi(modelsRoute, (c) => c.json({ object: 'list' as const, data: [described] }, 200));

  app.openAPIRegistry.registerPath(modelRoute);
  app.get('/v1/models/:model{.+}', (c) => {
    named(model, c.req.param('model'));
    return c.json(described, 200);
  });
}

const refused = (code: string, param: string, detail: string): ProblemError =>
  new ProblemError({ status: 400, code, detail, more: { param } });

function named({ modelId }: Manifest, asked: string): void {
  const short = modelId.slice(modelId.lastIndexOf('/') + 1);
  if (asked === modelId || asked === short) return;
  throw new ProblemError({
    status: 404,
    code: 'model_not_found',
    detail: `The model ${JSON.stringify(asked.slice(0, 100))} is not served here; it is "${short}".`,
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

/** Written by hand: thousands of vectors in one go would hold up everything else. */
async function responseText(
  embedded: readonly EmbeddedText[],
  format: 'float' | 'base64',
  model: string,
): Promise<string> {
  const items: string[] = [];
  for (const [index, { vector }] of embedded.entries()) {
    if (index % vectorsPerTurn === vectorsPerTurn - 1) await nextTurn();
    // Nine digits tell any float32 from every other.
    const value =
      format === 'float'
        ? `[${Array.from(vector, (number) => Number(number.toPrecision(9))).join(',')}]`
        : `"${Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')}"`;
    items.push(`{"object":"embedding","index":${index},"embedding":${value}}`);
  }
  const tokens = embedded.reduce<number | null>(
    (sum, one) => (sum === null || one.tokens === null ? null : sum + one.tokens),
    0,
  );
  return `{"object":"list","data":[${items.join(',')}],"model":${JSON.stringify(model)},"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
}
