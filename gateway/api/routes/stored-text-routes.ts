// GET /texts: every stored text with its vector, who computed it and how many events it has.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { at } from '#core/errors/assert.ts';
import { isUuid } from '#core/event/uuid.ts';
import {
  eventTypes,
  type BareText,
  type Embedding,
  type EventType,
  type VectorStore,
} from '#core/ports.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { vectorFormatSchema, vectorView, type VectorFormat } from '../views/vector-view.ts';
import {
  answer,
  badCursor,
  exampleProduct,
  pageQueryFields,
  problem,
  productSchema,
} from './schemas.ts';

/** A page of vectors of 384 numbers has about 1 MB. */
const pageMax = 256;
/** Vectors between two turns of the event loop. */
const vectorsPerTurn = 64;

const querySchema = z.strictObject({
  cursor: pageQueryFields.cursor,
  limit: z.coerce.number().int().min(1).max(pageMax).default(100),
  encoding_format: vectorFormatSchema,
});
export type StoredTextQuery = Partial<z.output<typeof querySchema>>;

const storedTextSchema = z
  .object({
    text_id: z.string(),
    text: z.string(),
    kind: z.enum(['product', 'query']),
    product: productSchema.nullable().openapi({
      description: 'As the event described it that the text came from; null for a query.',
    }),
    vector: z
      .union([z.array(z.number()), z.string()])
      .nullable()
      .openapi({ description: 'null while the vector is withheld: its runner was found wrong.' }),
    provenance: z
      .object({
        runner_session: z.string(),
        runner_name: z.string(),
        device: z.string(),
        dtype: z.string(),
        embedded_at: z.iso.datetime(),
        checked_at: z.iso.datetime().openapi({
          description: 'When the session had last passed a check before it embedded the text.',
        }),
      })
      .nullable()
      .openapi({ description: 'Who computed the vector; null when it is.' }),
    events: z.object({
      total: z.int(),
      by_type: z.partialRecord(z.enum(eventTypes), z.int()),
    }),
  })
  .openapi('StoredText');

export type StoredTextView = z.infer<typeof storedTextSchema>;

const pageSchema = z.object({
  items: z.array(storedTextSchema),
  next_cursor: z.string().nullable(),
  model: z
    .object({ id: z.string(), revision: z.string() })
    .openapi({ description: 'What embedded the texts: only its vectors may be compared.' }),
});

export type StoredTextPage = z.infer<typeof pageSchema>;

const route = createRoute({
  method: 'get',
  path: '/texts',
  summary: 'Stored texts with their vectors',
  description:
    'In order of their ids. Texts that are stored or deleted while pages are read may be missing ' +
    'or appear; every other text is on exactly one page.',
  request: { query: querySchema },
  responses: {
    200: answer('One page.', pageSchema, {
      items: [
        {
          text_id: '0d5b3f0e-97a9-5b62-8f0e-52f1a1f0c3d4',
          text: 'Enamel kettle, Kitchen: Red, 2 litres',
          kind: 'product',
          product: exampleProduct,
          vector: [0.0513, -0.0121, 0.0934],
          provenance: {
            runner_session: '5f4b6a7e-2f0a-4f7c-9a43-8f2f64b5f1c8',
            runner_name: 'box-1',
            device: 'cpu',
            dtype: 'q8',
            embedded_at: '2026-01-31T12:00:00.060Z',
            checked_at: '2026-01-31T11:59:30.000Z',
          },
          events: { total: 12, by_type: { view: 9, purchase: 3 } },
        },
      ],
      next_cursor: null,
      model: { id: 'sentence-transformers/all-MiniLM-L6-v2', revision: 'b2f1…' },
    }),
    422: problem('The query is invalid.'),
  },
});

export function storedTextRoutes(
  app: OpenAPIHono<AppEnv>,
  { store, model, eventTypes: { names } }: Services,
): void {
  app.openapi(route, async (c) => {
    const { limit, cursor, encoding_format: format } = c.req.valid('query');
    if (cursor !== undefined && !isUuid(cursor)) throw badCursor();
    const texts = await store.provenanceStore.textsAfter(cursor ?? null, limit);
    const ids = texts.map(({ id }) => id);
    const [embeddings, counts] = await Promise.all([
      store.provenanceStore.embeddings(ids),
      countsOf(store, ids, names),
    ]);
    const items: StoredTextView[] = [];
    for (const text of texts) {
      if (items.length % vectorsPerTurn === vectorsPerTurn - 1) await nextTurn();
      const embedding = embeddings.get(text.id) ?? null;
      items.push(storedText(text, embedding, counts.get(text.id) ?? {}, format));
    }
    const last = texts.length < limit ? undefined : ids.at(-1);
    const { modelId: id } = model.manifest;
    return c.json(
      { items, next_cursor: last ?? null, model: { id, revision: model.vectorRevision } },
      200,
    );
  });
}

type Counts = Record<string, number>;

/** The events of each text by their type; texts without any are left out. */
async function countsOf(
  store: Pick<VectorStore, 'countsBy'>,
  textIds: readonly string[],
  types: readonly EventType[],
): Promise<ReadonlyMap<string, Counts>> {
  const counts = new Map<string, Counts>();
  if (textIds.length === 0) return counts;
  const found = await Promise.all(
    types.map((type) => {
      const filter = { textIds, eventTypes: [type] };
      return store.countsBy({ by: 'textId', filter, limit: textIds.length });
    }),
  );
  for (const [index, ofType] of found.entries())
    for (const { value, count } of ofType)
      counts.set(value, { ...counts.get(value), [at(types, index)]: count });
  return counts;
}

function storedText(
  { id, text, kind, product }: BareText,
  embedding: Embedding | null,
  byType: Counts,
  format: VectorFormat,
): StoredTextView {
  const by = embedding?.provenance;
  return {
    text_id: id,
    text,
    kind,
    product,
    vector: embedding === null ? null : vectorView(embedding.vector, format),
    provenance:
      by === undefined
        ? null
        : {
            runner_session: by.runnerSession,
            runner_name: by.runnerName,
            device: by.device,
            dtype: by.dtype,
            embedded_at: new Date(by.embeddedAt).toISOString(),
            checked_at: new Date(by.checkedAt).toISOString(),
          },
    events: {
      total: Object.values(byType).reduce((sum, count) => sum + count, 0),
      by_type: byType,
    },
  };
}
