// The double answers every recorded request as the real server did, so that what is proven on it
// holds for Qdrant.
//
// Status and body are compared field by field, in the recorded order of requests. Not compared are:
// `time`; scores between different vectors, whose numbers are lost (the order of the hits is
// compared); the numbers of a returned vector (its length is compared, and that it is a unit
// vector); and all metrics except those that name server and version.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type QdrantDouble, startQdrantDouble } from '../helpers/qdrant-double.ts';
import { isList, type Json } from '../helpers/qdrant/body.ts';
import { contract, shortenedLength } from '../helpers/qdrant/contract.ts';

describe('the Qdrant double', () => {
  let double: QdrantDouble;
  beforeAll(async () => {
    double = await startQdrantDouble();
  });
  afterAll(() => double[Symbol.asyncDispose]());

  for (const {
    name,
    request: { method, path, body },
    response,
  } of ['qdrant-contract.json', 'qdrant-words-contract.json'].flatMap(contract)) {
    it(`answers as recorded: ${name}`, async () => {
      const answer = await fetch(double.url + path, {
        method,
        ...(body === null
          ? {}
          : {
              body: typeof body === 'string' ? body : JSON.stringify(body),
              headers: { 'content-type': 'application/json' },
            }),
      });
      const isJson = answer.headers.get('content-type')?.includes('application/json');
      const got: Json = isJson ? await answer.json() : await answer.text();
      expect({ status: answer.status, body: comparable(got, response.body) }).toEqual({
        status: response.status,
        body: comparable(response.body, response.body),
      });
    });
  }
});

describe('beyond the recording, as tried on the same server, the double', () => {
  it('stores the last of two points with one id, even an older one', async () => {
    await using double = await startQdrantDouble();
    const call = async (method: string, path: string, body: Json) =>
      (
        await fetch(`${double.url}/collections/events${path}`, {
          method,
          body: JSON.stringify(body),
        })
      ).json();
    const id = '00000000-0000-0000-0000-000000000001';
    const at = (day: number) => ({
      id,
      vector: {},
      payload: { timestamp: `2026-01-0${day}T00:00:00Z` },
    });
    await call('PUT', '', { vectors: {} });
    await call('PUT', '/points?wait=true', { points: [at(1)] });
    await call('PUT', '/points?wait=true', {
      points: [at(5), at(3)],
      update_filter: { must: [{ key: 'timestamp', range: { lt: '2026-01-05T00:00:00Z' } }] },
    });
    expect((await call('POST', '/points', { ids: [id], with_payload: true })).result).toEqual([
      { id, payload: { timestamp: '2026-01-03T00:00:00Z' } },
    ]);
  });
});

/**
 * Replaces the parts of `json` that cannot be compared by the properties that they must have;
 * `recorded` shows where these parts are.
 */
function comparable(json: Json | undefined, recorded: Json | undefined, key = ''): unknown {
  if (key === 'time') return typeof json;
  if (key === 'score' && typeof recorded === 'number')
    return recorded > 0.9999
      ? typeof json === 'number' && json > 0.9999
      : typeof json === 'number' && Math.abs(json) < 0.9999;
  const length = shortenedLength(recorded ?? null);
  if (length !== null) return json === recorded || isUnitVector(json, length);
  if (typeof json === 'string' && typeof recorded === 'string' && recorded.startsWith('# HELP'))
    return json.split('\n').slice(0, 6);
  if (isList(json))
    return json.map((item, index) =>
      comparable(item, isList(recorded) ? recorded[index] : undefined),
    );
  if (typeof json !== 'object' || json === null) return json;
  const fields =
    typeof recorded === 'object' && recorded !== null && !isList(recorded) ? recorded : {};
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [name, comparable(value, fields[name], name)]),
  );
}

function isUnitVector(json: Json | undefined, length: number): boolean {
  return (
    isList(json) && json.length === length && Math.abs(Math.hypot(...json.map(Number)) - 1) < 1e-5
  );
}
