// A file of products becomes a catalogue, whatever its columns are called.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importProducts } from '../../cli/import/import-products.ts';
import type { ProductToPut } from '../../client/client.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-products-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const unused = () => expect.fail('not called');

async function run(content: string, isDryRun = false) {
  const path = join(folder, 'catalogue');
  await writeFile(path, content);
  const sent: ProductToPut[] = [];
  const said: string[] = [];
  const putAll = async (products: readonly ProductToPut[]) => {
    sent.push(...products);
    return { accepted: products.length, rejected: 0, items: [] };
  };
  const client = { products: { putAll, put: unused, get: unused, delete: unused } };
  const code = await importProducts({
    path,
    dialect: { delimiter: null, quote: null, encoding: null, skipLines: null },
    client: isDryRun ? null : client,
    say: (line) => said.push(line),
    now: Date.UTC(2026, 0, 1),
  });
  return { code, sent, said: said.join('\n') };
}

const semicolons = [
  'SKU;Title;Unit price;Vendor;Image link;Stock;Colour',
  'k-1;"Kettle; red";1.234,50 €;Aga;https://shop.example/k.jpg;3;red',
  'k-2;Teapot;cheap;Aga;;;',
  'k-3;Cup;2,00;;;0;',
].join('\n');

test('columns are found by their names, others become attributes', async () => {
  const { code, sent, said } = await run(semicolons);
  expect(code).toBe(0);
  expect(sent).toMatchObject([
    {
      id: 'k-1',
      name: 'Kettle; red',
      price: 1234.5,
      brand: 'Aga',
      image: 'https://shop.example/k.jpg',
      stock: 3,
      attributes: { Colour: 'red' },
    },
    { id: 'k-3', price: 2, brand: null, stock: 0, attributes: {} },
  ]);
  expect(said).toContain('2 products put into the catalogue; 1 lines turned away');
  expect(said).toContain('line 3: price: expected a finite number');
});

test('NDJSON passes as it is, and a dry run sends nothing', async () => {
  const lines = `${JSON.stringify({ id: 'k-1', name: 'Kettle', price: 1 })}\nnot json\n`;
  expect(await run(lines)).toMatchObject({ code: 0, sent: [{ id: 'k-1' }] });
  const dry = await run(lines, true);
  expect(dry.sent).toEqual([]);
  expect(dry.said).toContain('1 products fit');
});

test('a file without the columns of a product is refused, with its columns', async () => {
  await expect(run('time,user\n1,2\n')).rejects.toThrow(/id, name, price.*time, user/);
});
