// The requests and answers of POST /v1/embeddings and GET /v1/models, in OpenAI's shapes.

import { z } from '@hono/zod-openapi';
import { vectorFormatSchema } from '../views/vector-view.ts';

/** The most inputs of one request, as at OpenAI. */
const inputsMax = 2048;

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
export const failure = (description: string) => ({
  description,
  content: { 'application/json': { schema: errorSchema } },
});

const inputText = z.string().min(1, 'is empty');
const inputAllowed =
  `expected a text, or a list of 1 to ${inputsMax} texts; ` +
  'lists of tokens are not accepted: send the texts themselves';
export const requestSchema = z
  .strictObject({
    model: z.string().openapi({
      description: 'The id of the served model, or the part of it after the last slash.',
    }),
    input: z.union([inputText, z.array(inputText).min(1).max(inputsMax)], {
      error: (issue) => (issue.input === undefined ? 'is missing' : inputAllowed),
    }),
    encoding_format: vectorFormatSchema,
    dimensions: z.int().optional().openapi({
      description: "Only the model's own number: its vectors cannot be shortened.",
    }),
    truncate: z
      .boolean()
      .default(false)
      .openapi({
        description:
          "Not in OpenAI's API. true: a text that is longer than the model accepts is cut. " +
          'false: it is refused.',
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
      "As the runners' tokenizer counted them, special tokens included; a repeated text counts " +
      'each ' +
      'time. null if one of the runners does not count tokens.',
  });
export const responseSchema = z
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

export const modelSchema = z
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
