// OpenAI's own client against a running gateway with a real model: the same vectors in both
// encodings, and its own errors for ours.

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cosine } from '#core/vectors/vector.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';

const key = 'a-key-for-openai-clients';
let gateway: RunningGateway;
let client: OpenAI;
const model = 'all-MiniLM-L6-v2';

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
  gateway = await startGateway(folder.path, {
    VECTORSTREAM_API_KEY: key,
    VECTORSTREAM_EMBEDDINGS_WAIT_MS_MAX: '60000',
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
  await gateway.ready();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const texts = Array.from(
  { length: 100 },
  (_, index) =>
    `Product number ${index}:` +
    ` ${['kettle', 'lamp', 'garden hose', 'winter jacket'][index % 4]} in colour ${index % 7}`,
);

test('embeds 100 texts, float and base64, with equal vectors', async () => {
  const float = await client.embeddings.create({ model, input: texts, encoding_format: 'float' });
  // Without encoding_format the client asks for base64 and decodes it.
  const decoded = await client.embeddings.create({ model, input: texts });
  const raw = await client.embeddings.create({ model, input: texts, encoding_format: 'base64' });
  expect(float.data.map(({ index }) => index)).toEqual(texts.map((_, index) => index));
  const least = texts.map((_, index) => {
    const vector = Float32Array.from(float.data[index]?.embedding ?? []);
    const bytes = Buffer.from(String(raw.data[index]?.embedding), 'base64');
    const fromBase64 = Float32Array.from({ length: bytes.length / 4 }, (_value, at) =>
      bytes.readFloatLE(at * 4),
    );
    expect([vector.length, fromBase64.length]).toEqual([384, 384]);
    return Math.min(
      cosine(vector, Float32Array.from(decoded.data[index]?.embedding ?? [])),
      cosine(vector, fromBase64),
    );
  });
  expect(Math.min(...least)).toBeGreaterThan(0.995);
  expect(
    cosine(
      Float32Array.from(float.data[0]?.embedding ?? []),
      Float32Array.from(float.data[1]?.embedding ?? []),
    ),
  ).toBeLessThan(0.99);
  expect(float.usage.prompt_tokens).toBeGreaterThan(1000);
  expect(float.usage).toEqual(decoded.usage);
});

test("counts tokens as the model's tokenizer does, and refuses what it would cut", async () => {
  const { usage } = await client.embeddings.create({ model, input: 'garden hose' });
  expect(usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  const long = 'kettle '.repeat(300);
  await expect(client.embeddings.create({ model, input: ['x', long] })).rejects.toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
    param: 'input[1]',
  });
});

test("maps every error to the client's own class", async () => {
  const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
  const cases = [
    [
      () => client.embeddings.create({ model: 'text-embedding-3-small', input: 'x' }),
      OpenAI.NotFoundError,
    ],
    [
      () => client.embeddings.create({ model, input: 'x', dimensions: 256 }),
      OpenAI.BadRequestError,
    ],
    [() => client.embeddings.create({ model, input: [[1, 2, 3]] }), OpenAI.BadRequestError],
    [() => stranger.models.list(), OpenAI.AuthenticationError],
    [() => client.models.retrieve('gpt-5'), OpenAI.NotFoundError],
  ] as const;
  for (const [call, error] of cases) await expect(call()).rejects.toBeInstanceOf(error);
});

test('lists the model and finds it by both names', async () => {
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toEqual(['sentence-transformers/all-MiniLM-L6-v2']);
  for (const id of [model, 'sentence-transformers/all-MiniLM-L6-v2'])
    expect((await client.models.retrieve(id)).id).toBe('sentence-transformers/all-MiniLM-L6-v2');
});
