// In each of the six languages of the generator's shop, hybrid search is at least as good as search
// by meaning alone, and what nobody means finds nothing. The shop is a catalogue without events.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseQueries } from '../../cli/evaluate/evaluate-search.ts';
import { measureGraded, mean } from '../../cli/evaluate/ranking-measures.ts';
import { openCatalogue, products } from '../../cli/generator/catalogue.ts';
import { createClient } from '../../client/client.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { projectRoot } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const languages = ['en', 'de', 'fr', 'es', 'tr', 'ja'];
const places = 10;

/** The products that the graded queries are about. */
function shop() {
  const all = products(openCatalogue(1), 900);
  return languages.flatMap((language) =>
    all.filter(({ aisle }) => aisle.startsWith(`${language} `)).slice(0, 40),
  );
}

test('hybrid finds as much as meaning in each language', async () => {
  const csv = await readFile(join(projectRoot, 'test/fixtures/graded-queries.csv'), 'utf8');
  const queries = parseQueries(csv);
  expect(queries.length).toBeGreaterThanOrEqual(60);
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, {});
  const client = createClient({ url: gateway.url });
  const put = shop().map(({ id, name, description, category, price }) => ({
    id,
    name,
    description,
    category,
    price,
  }));
  await client.products.putAll(put);
  const states = async () => {
    const entries = await Promise.all(put.map(({ id }) => client.products.get(id)));
    return entries.every(({ state }) => state === 'searchable');
  };
  await until('all products are searchable', 240_000, states);

  const ndcgOf = async (mode: 'hybrid' | 'meaning', language: string): Promise<number> => {
    const measures: number[] = [];
    for (const { query, wanted } of queries.filter(({ kind }) => kind === language)) {
      const { hits } = await client.search({ query, mode, limit: places });
      const ranked = hits.flatMap(({ product }) => product?.id ?? []);
      measures.push(measureGraded(ranked, wanted, places).ndcg);
    }
    return mean(measures);
  };
  for (const language of languages) {
    const [hybrid, meaning] = [await ndcgOf('hybrid', language), await ndcgOf('meaning', language)];
    console.log(`${language}: hybrid ${hybrid.toFixed(3)}, meaning ${meaning.toFixed(3)}`);
    expect(hybrid, language).toBeGreaterThanOrEqual(meaning);
  }
  expect((await client.search({ query: 'asdfgh' })).hits).toEqual([]);
});
