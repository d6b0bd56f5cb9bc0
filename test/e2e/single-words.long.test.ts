// A search for a single word gets nearly the vector of true float32, with whatever dtype the
// gateway's own runner chooses on this machine.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { cosine } from '#core/vectors/vector.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { projectRoot } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const fixtureSchema = z.object({ vectors: z.record(z.string(), z.string()) });
const answerSchema = z.object({ data: z.tuple([z.object({ embedding: z.array(z.number()) })]) });

test('embedded alone, the mean cosine is at least 0.996 and the least 0.95', async () => {
  const file = join(projectRoot, 'test/fixtures/single-words.json');
  const { vectors } = fixtureSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, {
    VECTORSTREAM_RUNNER_DEVICE: 'auto',
    VECTORSTREAM_RUNNER_DTYPE: 'auto',
  });
  // The runner measures its candidates first.
  await until(
    'a runner is ready',
    200_000,
    async () => (await gateway.get('/readyz')).status === 200,
  );
  const cosines: number[] = [];
  for (const [word, reference] of Object.entries(vectors)) {
    const { status, body } = await gateway.post(
      '/v1/embeddings',
      JSON.stringify({ input: word, model: 'sentence-transformers/all-MiniLM-L6-v2' }),
    );
    expect([word, status]).toEqual([word, 200]);
    const [{ embedding }] = answerSchema.parse(body).data;
    const expected = new Int8Array(Buffer.from(reference, 'base64'));
    cosines.push(cosine(embedding, [...expected]));
  }
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  const [runner] = (await gateway.stats()).runners;
  console.log(
    `${runner?.dtype}: mean ${mean.toFixed(4)}, least ${Math.min(...cosines).toFixed(4)}`,
  );
  expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.95);
  expect(mean).toBeGreaterThanOrEqual(0.996);
});
