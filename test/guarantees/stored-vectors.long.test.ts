// Stored vectors are right: finite unit vectors that agree with the model's reference vectors. The
// test reads them with sqlite-vec alone.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { startGateway } from '../helpers/gateway-program.ts';
import { sendEvents, shopEvent, shopEvents } from '../helpers/shop-events.ts';
import { readVectors } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const model = 'models/all-MiniLM-L6-v2';
const goldenSchema = z.object({
  cases: z.array(z.object({ text: z.string(), vector: z.array(z.number()).length(384) })),
});
const manifestSchema = z.object({
  dtypes: z.record(z.string(), z.object({ goldenMeanMin: z.number(), goldenMin: z.number() })),
});
/** The golden text of 1,350 characters fits into no field of an event. */
const nameCharsMax = 1_024;
const plain = (text: string): string => text.normalize('NFC').replace(/\s+/g, ' ').trim();

test('vectors are finite, of unit length and 384 dimensions; golden texts agree', async () => {
  const golden = goldenSchema
    .parse(JSON.parse(await readFile(`${model}/golden.json`, 'utf8')))
    .cases.filter(({ text }) => text.length <= nameCharsMax);
  const { dtypes } = manifestSchema.parse(
    JSON.parse(await readFile(`${model}/manifest.json`, 'utf8')),
  );
  expect(golden.length).toBeGreaterThan(50);
  await using folder = await temporaryFolder();
  // `auto` chooses the dtype by measuring on this machine.
  await using gateway = await startGateway(folder.path, { VECTORSTREAM_RUNNER_DTYPE: 'auto' });
  const named = golden.map(({ text }, index) =>
    shopEvent({ product: { id: `golden-${index}`, name: text, price: 1 } }),
  );
  // Golden texts share batches with texts of other lengths.
  const others = shopEvents(200, 200);
  await sendEvents(gateway, [...others.slice(0, 100), ...named, ...others.slice(100)]);
  await gateway.ready();
  await gateway.idle();

  const vectors = readVectors(folder.path);
  expect(vectors).toHaveLength(200 + golden.length);
  for (const { text, dimensions, length, values } of vectors) {
    expect(dimensions, text).toBe(384);
    expect(
      values.every((value) => Number.isFinite(value)),
      text,
    ).toBe(true);
    expect(Math.abs(length - 1), text).toBeLessThan(1e-3);
  }
  // Distinct texts have distinct vectors.
  expect(new Set(vectors.map(({ values }) => values.join())).size).toBe(200 + golden.length);

  const byText = new Map(vectors.map((vector) => [vector.text, vector]));
  const cosines = golden.map(({ text, vector }) => {
    const stored = byText.get(plain(text));
    expect(stored, text).toBeDefined();
    return (
      vector.reduce((sum, value, index) => sum + value * (stored?.values[index] ?? NaN), 0) /
      Math.hypot(...vector) /
      (stored?.length ?? NaN)
    );
  });
  const bounds = dtypes[vectors[0]?.dtype ?? ''];
  expect(cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length).toBeGreaterThanOrEqual(
    bounds?.goldenMeanMin ?? NaN,
  );
  expect(Math.min(...cosines)).toBeGreaterThanOrEqual(bounds?.goldenMin ?? NaN);
});
