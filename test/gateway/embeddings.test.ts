// POST /v1/embeddings and GET /v1/models, called in process: what is accepted, what is refused in
// OpenAI's error shape, and the order of requests.

import { describe, expect, test } from 'vitest';
import type { EmbeddingService, FleetResult } from '#core/ports.ts';
import {
  RequestEmbeddings,
  requestEmbeddingLimits,
} from '../../gateway/fleet/request-embeddings.ts';
import { apiKey, emptyFleet, testApp } from './test-services.ts';

const provenance = {
  runnerSession: '',
  runnerName: '',
  device: 'cpu',
  dtype: 'q8',
  embeddedAt: 0,
  checkedAt: 0,
} as const;
/** The vector of a text encodes the text's length; each word is one token. */
const vectorOf = (text: string): FleetResult => ({
  ok: true,
  tokens: text.split(' ').length + 2,
  embedding: { vector: Float32Array.of(1, text.length, 0.1), provenance },
});
const counting = (): EmbeddingService & { readonly texts: string[]; most: number } => {
  let inFlight = 0;
  const service = {
    texts: [] as string[],
    most: 0,
    async embed(text: string) {
      service.texts.push(text);
      service.most = Math.max(service.most, (inFlight += 1));
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return vectorOf(text);
    },
  };
  return service;
};
const model = 'all-MiniLM-L6-v2';
const errorOf = async (response: Response): Promise<unknown> => {
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(response.headers.get('x-request-id')).not.toBeNull();
  return (await response.json()).error;
};

describe('embeddings', () => {
  test('come in the order of their texts, as numbers or as base64 of them', async () => {
    const fleet = counting();
    const { post } = testApp({ embedding: fleet });
    const input = [
      ...Array.from({ length: 300 }, (_, index) => `text ${'x'.repeat(index)}`),
      'text ',
    ];
    const float = await (await post('/v1/embeddings', { model, input })).json();
    expect(float).toMatchObject({
      object: 'list',
      model: 'sentence-transformers/all-MiniLM-L6-v2',
      usage: { prompt_tokens: 301 * 4, total_tokens: 301 * 4 },
    });
    expect(
      float.data.map(({ index, embedding }: { index: number; embedding: number[] }) => [
        index,
        embedding[1],
      ]),
    ).toEqual(input.map((text, index) => [index, text.length]));
    expect(Float32Array.from(float.data[0].embedding)).toEqual(Float32Array.of(1, 5, 0.1));
    expect(fleet.texts).toHaveLength(300);
    expect(fleet.most).toBeLessThanOrEqual(32);
    const { data } = await (
      await post('/v1/embeddings', {
        model: 'sentence-transformers/all-MiniLM-L6-v2',
        input: 'text ',
        encoding_format: 'base64',
        dimensions: 384,
        user: 'u',
      })
    ).json();
    expect(data).toEqual([
      {
        object: 'embedding',
        index: 0,
        embedding: Buffer.from(Float32Array.of(1, 5, 0.1).buffer).toString('base64'),
      },
    ]);
  });

  test('of a text that is too long are refused, unless the client lets it be cut', async () => {
    const { post } = testApp({ embedding: counting() });
    const input = ['short', 'word '.repeat(260)];
    const refused = await post('/v1/embeddings', { model, input });
    expect(refused.status).toBe(400);
    expect(await errorOf(refused)).toMatchObject({
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      param: 'input[1]',
      message: expect.stringContaining('at most 256 tokens; input[1] has 263'),
    });
    expect((await post('/v1/embeddings', { model, input, truncate: true })).status).toBe(200);
  });

  test('have no token count when a runner gave none', async () => {
    const { post } = testApp();
    expect(await (await post('/v1/embeddings', { model, input: 'x' })).json()).toMatchObject({
      usage: { prompt_tokens: null, total_tokens: null },
    });
  });

  test.each([
    [{ model: 'text-embedding-3-small', input: 'x' }, 404, 'model_not_found', 'model'],
    [{ input: 'x' }, 400, 'invalid_request', 'model'],
    [{ model }, 400, 'invalid_request', 'input'],
    [{ model, input: '' }, 400, 'invalid_request', 'input'],
    [{ model, input: [] }, 400, 'invalid_request', 'input'],
    [{ model, input: ['x', ''] }, 400, 'invalid_request', 'input[1]'],
    [{ model, input: [1, 2, 3] }, 400, 'invalid_request', 'input'],
    [{ model, input: [[1, 2], [3]] }, 400, 'invalid_request', 'input'],
    [{ model, input: Array.from({ length: 2049 }, () => 'x') }, 400, 'invalid_request', 'input'],
    [{ model, input: 'x', encoding_format: 'hex' }, 400, 'invalid_request', 'encoding_format'],
    [{ model, input: 'x', dimensions: 2 }, 400, 'dimensions_not_supported', 'dimensions'],
    [{ model, input: 'x', dimension: 384 }, 400, 'invalid_request', 'body'],
    ['{"model":', 400, 'malformed_json', null],
  ])('refuse $#', async (body, status, code, param) => {
    const response = await testApp().post('/v1/embeddings', body);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toMatchObject({
      type: 'invalid_request_error',
      code,
      param,
      message: expect.stringMatching(/.{10}/),
    });
  });

  test("use OpenAI's error shape for refused keys, rates and bodies too", async () => {
    const { request, post } = testApp({}, { VECTORSTREAM_API_KEY: apiKey });
    expect(await errorOf(await post('/v1/embeddings', { model, input: 'x' }))).toMatchObject({
      type: 'authentication_error',
      code: 'api_key_missing',
    });
    const headers = { authorization: `Bearer ${apiKey}` };
    expect(await errorOf(await request('/v1/embeddings', { headers }))).toMatchObject({
      code: 'method_not_allowed',
    });
    expect(await errorOf(await request('/v1/chat/completions', { headers }))).toMatchObject({
      code: 'not_found',
    });
    expect(
      await errorOf(
        await post('/v1/embeddings', 'x', { ...headers, 'content-type': 'text/plain' }),
      ),
    ).toMatchObject({ code: 'unsupported_media_type' });
    const large = await post('/v1/embeddings', `{"input":"${'x'.repeat(9 * 2 ** 20)}"}`, headers);
    expect([large.status, await errorOf(large)]).toEqual([
      413,
      expect.objectContaining({ code: 'body_too_large' }),
    ]);
  });

  test('wait for a limited time, and say whether there was no runner or no free one', async () => {
    for (const [isReady, code] of [
      [false, 'no_runner'],
      [true, 'runners_busy'],
    ] as const) {
      const requestEmbeddings = new RequestEmbeddings({
        ...requestEmbeddingLimits,
        embedding: emptyFleet,
        waitMsMax: 50,
        runnerWaitMsMax: 20,
        runnerReady: () => isReady,
      });
      const response = await testApp({ requestEmbeddings }).post('/v1/embeddings', {
        model,
        input: ['a', 'b'],
      });
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('5');
      expect(await errorOf(response)).toMatchObject({ type: 'server_error', code });
    }
  });

  test('are bounded over all requests, and a failed request leaves nothing behind', async () => {
    let begun = 0;
    const embedding: EmbeddingService = {
      embed: (_text, { signal }) =>
        new Promise((_, reject) => {
          begun += 1;
          signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        }),
    };
    const requests = new RequestEmbeddings({
      embedding,
      inFlightMax: 4,
      textsMax: 10,
      waitMsMax: 50,
      runnerWaitMsMax: 50,
      runnerReady: () => true,
    });
    const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
    const gone = new AbortController();
    const first = requests.embed(texts, gone.signal);
    await expect(
      requests.embed(['g', 'h', 'i', 'j', 'k'], AbortSignal.timeout(1000)),
    ).rejects.toMatchObject({ problem: { code: 'too_many_texts', status: 429 } });
    expect(begun).toBe(4);
    gone.abort();
    await expect(first).rejects.toThrow('0 of 6 texts');
    await expect(requests.embed(texts, AbortSignal.timeout(1000))).rejects.toMatchObject({
      problem: { code: 'runners_busy' },
    });
    expect(begun).toBe(8);
  });
});

test('the one model is listed, and found by its id and by its short name', async () => {
  const { request } = testApp();
  const described = {
    id: 'sentence-transformers/all-MiniLM-L6-v2',
    object: 'model',
    owned_by: 'sentence-transformers',
    dimensions: 384,
    max_tokens: 256,
  };
  expect(await (await request('/v1/models')).json()).toMatchObject({
    object: 'list',
    data: [described],
  });
  for (const id of [
    'all-MiniLM-L6-v2',
    'sentence-transformers/all-MiniLM-L6-v2',
    'sentence-transformers%2Fall-MiniLM-L6-v2',
  ])
    expect(await (await request(`/v1/models/${id}`)).json()).toMatchObject(described);
  const other = await request('/v1/models/gpt');
  expect([other.status, await errorOf(other)]).toEqual([
    404,
    expect.objectContaining({ code: 'model_not_found' }),
  ]);
});
