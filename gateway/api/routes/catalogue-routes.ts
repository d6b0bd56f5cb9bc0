// The catalogue of products: PUT, GET and DELETE /products/{id}, and POST /products for many.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { partsOf } from '#core/collections/parts-of.ts';
import { splitArray, splitLines } from '#core/decode/split-records.ts';
import {
  readCatalogueProduct,
  versionOf,
  type ReadProduct,
} from '#core/event/catalogue-product.ts';
import { wireCatalogueProductSchema } from '#core/event/event-schema.ts';
import type { CatalogueEntry, CatalogueWrite } from '#core/ports.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { tooManyEvents } from '../../ingest/intake.ts';
import { BodyReader } from '../../ingest/read-body.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import {
  answerSchema,
  type CatalogueAnswer,
  entrySchema,
  exampleListed,
  versionQuery,
} from './catalogue-schemas.ts';
import { answer, problem, productParams } from './schemas.ts';

/** One product in a request of its own. */
const oneBytesMax = 256 * 1024;
const atOnce = 1_000;

const productJson = z.toJSONSchema(wireCatalogueProductSchema, {
  io: 'input',
  unrepresentable: 'any',
}) as Record<string, unknown>;

const responses = {
  202: answer('The accepted products are durable, and searchable once embedded.', answerSchema),
  400: problem('No product was accepted, and `items` says why; or the body cannot be read.'),
  413: problem('Too many bytes (decompressed), or too many products.'),
  415: problem('The body is neither JSON nor NDJSON.'),
  503: problem('The store is not available, or its disk has no room.'),
};

const manyRoute = createRoute({
  method: 'post',
  path: '/products',
  summary: 'Put products into the catalogue',
  description:
    'One product, an array, or NDJSON. Each replaces what the catalogue has under its id, unless ' +
    'that is of the same or a newer updated_at. A product is found without any event, and hits ' +
    'carry its present price, image, url and stock.',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: { oneOf: [productJson, { type: 'array', items: productJson }] },
          example: exampleListed,
        },
        'application/x-ndjson': {
          schema: { type: 'string', description: 'One product per line.' },
          example: `${JSON.stringify(exampleListed)}\n`,
        },
      },
    },
  },
  responses,
});

const putRoute = createRoute({
  method: 'put',
  path: '/products/{id}',
  summary: 'Put one product into the catalogue',
  description: 'As POST /products; the id of the path is that of the product.',
  request: {
    params: productParams,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: { ...productJson, required: ['name', 'price'] },
          example: { ...exampleListed, id: undefined },
        },
      },
    },
  },
  responses,
});

const getRoute = createRoute({
  method: 'get',
  path: '/products/{id}',
  summary: 'One product of the catalogue',
  request: { params: productParams },
  responses: {
    200: answer('The product as it was put last.', entrySchema),
    404: problem('The catalogue has no product with this id.'),
  },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/products/{id}',
  summary: 'Take a product out of the catalogue',
  description:
    'It is no longer found or recommended; the events about it stay. An older version that ' +
    'arrives later does not bring it back.',
  request: { params: productParams, query: versionQuery },
  responses: { 202: answer('Durable.', answerSchema), 503: responses[503] },
});

export function catalogueRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { store, clock, config, disk } = services;
  const { bodyBytesMax } = config.ingest;
  const bodies = new BodyReader(
    { bytesMax: bodyBytesMax, bytesMaxTogether: 2 * bodyBytesMax, largeAtOnce: 1 },
    clock,
  );

  // Of two writes without updated_at in one millisecond, the later one is the newer.
  let version = 0;
  const limits = () => ({
    now: (version = Math.max(clock.now(), version + 1)),
    aheadMsMax: config.ingest.timestampAheadSecondsMax * 1_000,
  });

  const write = async (reads: readonly ReadProduct[]): Promise<CatalogueAnswer> => {
    const { level, problem: full } = disk.state();
    if (level === 'out')
      throw new ProblemError({ status: 503, code: 'disk_space_low', detail: `${full}.` });
    const newest = newestOfEach(reads);
    const stored = new Set<CatalogueWrite>();
    for (const part of partsOf([...newest.values()], atOnce))
      for (const [index, status] of (await store.catalogue.put(part)).entries()) {
        const put = part[index];
        if (status === 'stored' && put !== undefined) stored.add(put);
      }
    return answerOf(reads, stored);
  };

  app.openapi(manyRoute, async (c) => {
    using body = await bodies.read(c.req.raw);
    const values = valuesOf(body.bytes, c.req.header('content-type'), config.ingest);
    c.get('charge')(values.length - 1);
    const at = limits();
    const result = await write(values.map((value) => readJson(value, at)));
    c.get('audit')['products'] = result.accepted;
    if (result.accepted === 0 && result.rejected > 0) throw refusal(result);
    return c.json(result, 202);
  });

  app.openapi(putRoute, async (c) => {
    const { id } = c.req.valid('param');
    using body = await bodies.read(c.req.raw);
    if (body.bytes.length > oneBytesMax) throw tooLarge();
    const sent = parsed(body.bytes);
    if (typeof sent !== 'object' || sent === null || Array.isArray(sent))
      throw invalid('the body is not a JSON object');
    if ('id' in sent && sent.id !== id) throw invalid('id: not that of the path');
    const read = readCatalogueProduct({ ...sent, id }, limits());
    const result = await write([read]);
    if (result.rejected > 0) throw refusal(result);
    return c.json(result, 202);
  });

  app.openapi(getRoute, async (c) => {
    const { id } = c.req.valid('param');
    const entry = (await store.catalogue.entries([id])).get(id);
    if (entry === undefined || entry.product === null) throw notListed();
    return c.json(viewOf(entry, entry.product), 200);
  });

  app.openapi(deleteRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { now, aheadMsMax } = limits();
    const updatedAt = versionOf(c.req.valid('query').updated_at, now);
    if (updatedAt > now + aheadMsMax) throw invalid('updated_at: ahead of the clock');
    const gone = { ok: true, write: { id, updatedAt, product: null, textId: null } } as const;
    return c.json(await write([gone]), 202);
  });
}

/** The newest version of each product of one request; of equal ones, the last. */
function newestOfEach(reads: readonly ReadProduct[]): ReadonlyMap<string, CatalogueWrite> {
  const newest = new Map<string, CatalogueWrite>();
  for (const read of reads) {
    if (!read.ok) continue;
    const { id, updatedAt } = read.write;
    if (updatedAt >= (newest.get(id)?.updatedAt ?? -Infinity)) newest.set(id, read.write);
  }
  return newest;
}

function answerOf(
  reads: readonly ReadProduct[],
  stored: ReadonlySet<CatalogueWrite>,
): CatalogueAnswer {
  const items = reads.map((read, index): CatalogueAnswer['items'][number] => {
    if (!read.ok)
      return { index, product_id: read.id, status: 'rejected', error: { message: read.message } };
    const { id } = read.write;
    return {
      index,
      product_id: id,
      status: 'accepted',
      ...(!stored.has(read.write) && { superseded: true }),
    };
  });
  const rejected = items.filter(({ status }) => status === 'rejected').length;
  return { accepted: items.length - rejected, rejected, items };
}

function viewOf(
  { updatedAt, state, problem: why }: CatalogueEntry,
  product: NonNullable<CatalogueEntry['product']>,
): z.output<typeof entrySchema> {
  return { product, updated_at: new Date(updatedAt).toISOString(), state, problem: why };
}

function valuesOf(
  bytes: Uint8Array,
  contentType: string | undefined,
  { eventsPerRequestMax }: { readonly eventsPerRequestMax: number },
): readonly Uint8Array[] {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const max = eventsPerRequestMax + 1;
  const values =
    type === 'application/json'
      ? (splitArray(bytes, max) ?? [bytes])
      : type === 'application/x-ndjson'
        ? splitLines(bytes, max)
        : null;
  if (values === null)
    throw new ProblemError({
      status: 415,
      code: 'unsupported_media_type',
      detail:
        `Content-Type is ${type.slice(0, 80) || 'missing'}; send application/json (one product ` +
        'or an array) or application/x-ndjson (one product per line).',
    });
  if (values.length > eventsPerRequestMax) throw tooManyEvents(eventsPerRequestMax);
  return values;
}

function readJson(bytes: Uint8Array, at: Parameters<typeof readCatalogueProduct>[1]): ReadProduct {
  try {
    return readCatalogueProduct(JSON.parse(utf8.decode(bytes)), at);
  } catch {
    return { ok: false, id: null, message: 'not JSON in UTF-8' };
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw invalid('the body is not JSON in UTF-8');
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

const invalid = (message: string): ProblemError =>
  new ProblemError({ status: 400, code: 'invalid_product', detail: `${message}.` });

const refusal = (result: CatalogueAnswer): ProblemError =>
  new ProblemError({
    status: 400,
    code: 'no_product_accepted',
    detail: `No product was accepted: ${result.items[0]?.error?.message ?? 'see items'}.`,
    more: { ...result },
  });

const tooLarge = (): ProblemError =>
  new ProblemError({
    status: 413,
    code: 'body_too_large',
    detail: `A product has at most ${oneBytesMax} bytes.`,
  });

const notListed = (): ProblemError =>
  new ProblemError({
    status: 404,
    code: 'product_not_found',
    detail: 'The catalogue has no product with this id.',
  });
