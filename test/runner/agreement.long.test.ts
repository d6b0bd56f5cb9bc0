// Honest runners of every dtype pass all checks: the largest distances between correct vectors are
// within the allowed ones.

import { expect, test } from 'vitest';
import { productText } from '#core/event/text.ts';
import { readGolden } from '#core/model/model-manifest.ts';
import { cpuBudget, createEmbedder } from '#core/transformers/embedder.ts';
import { agreementMin, boundsOf, MeanAgreement, meanAgreementMin } from '#core/trust/agreement.ts';
import { cosine } from '#core/vectors/vector.ts';
import { openCatalogue, products } from '../../cli/generator/catalogue.ts';
import { openModelFolder } from '../../node-runner/model-folder.ts';
import { shippedModel } from './model-copies.ts';
import { openRandom } from './odd-texts.ts';

const dtypes = ['fp32', 'fp16', 'q8'];
const jobTexts = 100;
const canariesPerJob = 4;

test('on 600 products and 200 odd texts, dtypes and canaries are within their bounds', async () => {
  const { model, folder } = await openModelFolder(shippedModel);
  const { cases } = await readGolden(model);
  const bounds = model.manifest.dtypes;
  const random = openRandom(1);
  const texts = [...products(openCatalogue(7), 600).map(productText), ...random.oddTexts(200)];
  const vectors = new Map<string, Float32Array[]>();
  for (const dtype of dtypes) {
    await using embedder = await createEmbedder({
      model,
      location: folder,
      device: 'cpu',
      dtype,
      threads: 1,
      budget: cpuBudget,
      adapter: 'test',
      softwareAdapter: false,
    });
    const own: Float32Array[] = [];
    let least = 1;
    for (let from = 0; from < texts.length; from += jobTexts) {
      const job = texts.slice(from, from + jobTexts);
      const canaries = Array.from(
        { length: canariesPerJob },
        () => cases[Math.floor(random.next() * cases.length)] ?? cases[0],
      ).filter((one) => one !== undefined);
      const outcomes = await embedder.embed([...job, ...canaries.map(({ text }) => text)]);
      const found = outcomes.map((outcome) =>
        outcome.ok ? outcome.vector : new Float32Array(model.manifest.dimensions),
      );
      own.push(...found.slice(0, job.length));
      for (const [at, { vector }] of canaries.entries())
        least = Math.min(least, cosine(found[job.length + at] ?? [], vector));
    }
    console.log(
      `${dtype}: least cosine of a canary ${least.toFixed(4)}, ` +
        `allowed ${boundsOf(bounds, dtype).goldenMin}`,
    );
    expect(least).toBeGreaterThan(boundsOf(bounds, dtype).goldenMin);
    vectors.set(dtype, own);
  }
  for (const [index, one] of dtypes.entries()) {
    for (const other of dtypes.slice(index)) {
      const allowed = agreementMin(boundsOf(bounds, one), boundsOf(bounds, other));
      const least = texts.reduce(
        (min, _, at) =>
          Math.min(min, cosine(vectors.get(one)?.[at] ?? [], vectors.get(other)?.[at] ?? [])),
        1,
      );
      console.log(`${one} with ${other}: least ${least.toFixed(4)}, allowed ${allowed.toFixed(4)}`);
      expect(least).toBeGreaterThan(allowed);
      const mean = new MeanAgreement();
      const meanMin = meanAgreementMin(boundsOf(bounds, one), boundsOf(bounds, other));
      let leastMean = 1;
      for (const at of texts.keys()) {
        const found = cosine(vectors.get(one)?.[at] ?? [], vectors.get(other)?.[at] ?? []);
        expect(mean.add(found, meanMin)).toBe(true);
        if (at >= 20) leastMean = Math.min(leastMean, mean.mean);
      }
      console.log(
        `least mean of 20 in a row ${leastMean.toFixed(4)}, allowed ${meanMin.toFixed(4)}`,
      );
    }
  }
});
