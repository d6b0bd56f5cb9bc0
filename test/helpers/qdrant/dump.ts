// Copies whole collections from and to a Qdrant server, with requests that any client makes.

import { z } from 'zod';

const infoSchema = z.looseObject({
  config: z.looseObject({
    params: z.looseObject({ vectors: z.unknown() }),
    metadata: z.unknown(),
  }),
  payload_schema: z.record(z.string(), z.object({ data_type: z.string(), points: z.int() })),
});
const pointSchema = z.object({
  id: z.string(),
  payload: z.record(z.string(), z.unknown()),
  vector: z.array(z.number()).optional(),
});

/** By name of the collection. */
export const dumpSchema = z.record(
  z.string(),
  z.object({ info: infoSchema, points: z.array(pointSchema) }),
);
export type Dump = z.infer<typeof dumpSchema>;
export type DumpedPoint = z.infer<typeof pointSchema>;

/** More than any test stores in a collection. */
const pointsMax = 1_000;

export async function dumpOf(url: string, names: readonly string[]): Promise<Dump> {
  const dump: Dump = {};
  for (const name of names) {
    const asked = { limit: pointsMax, with_payload: true, with_vector: true };
    dump[name] = dumpSchema.valueType.parse({
      info: await ask(url, 'GET', `/collections/${name}`),
      points: z
        .object({ points: z.unknown() })
        .parse(await ask(url, 'POST', `/collections/${name}/points/scroll`, asked)).points,
    });
  }
  return dump;
}

/** Creates the collections with their metadata, indexes and points. */
export async function loadDump(url: string, dump: Dump): Promise<void> {
  for (const [name, { info, points }] of Object.entries(dump)) {
    const {
      params: { vectors },
      metadata,
    } = info.config;
    await ask(url, 'PUT', `/collections/${name}`, { vectors, metadata });
    for (const [field, { data_type: type }] of Object.entries(info.payload_schema)) {
      const index = { field_name: field, field_schema: type };
      await ask(url, 'PUT', `/collections/${name}/index?wait=true`, index);
    }
    if (points.length === 0) continue;
    const written = points.map(({ vector = {}, ...point }) => ({ ...point, vector }));
    await ask(url, 'PUT', `/collections/${name}/points?wait=true`, { points: written });
  }
}

async function ask(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const sent =
    body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(`${url}${path}`, { method, ...sent });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return z.object({ result: z.unknown() }).parse(JSON.parse(text)).result;
}
