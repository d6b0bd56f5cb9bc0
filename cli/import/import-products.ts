// `npm run import -- FILE --as products`: puts the rows of a file into the catalogue of a gateway.

import { UsageError } from '#core/errors/errors.ts';
import { readCatalogueProduct } from '#core/event/catalogue-product.ts';
import { type Decimal, detectDecimal, readNumber } from '#core/mapping/numbers.ts';
import type { ProductToPut, VectorStreamClient } from '../../client/client.ts';
import { count } from '../progress-bar.ts';
import { type BrokenLine, CsvReader, type CsvRow } from './csv-records.ts';
import { lineDecoder } from './decode.ts';
import { LineSplitter } from './lines.ts';
import { openLog, sampleBytesMax, sampleLog } from './open-file.ts';
import { type DialectOptions, sniff } from './sniff.ts';

/** The names of columns, in small letters and digits only, the likeliest first. */
const columns = [
  {
    field: 'id',
    names: ['id', 'productid', 'sku', 'itemid', 'stockcode', 'articleid', 'productcode', 'handle'],
  },
  { field: 'name', names: ['name', 'productname', 'title', 'producttitle', 'itemname'] },
  {
    field: 'description',
    names: ['description', 'productdescription', 'body', 'bodyhtml', 'text'],
  },
  {
    field: 'category',
    names: ['category', 'productcategory', 'producttype', 'type', 'categoryname'],
  },
  { field: 'price', names: ['price', 'unitprice', 'saleprice', 'regularprice', 'variantprice'] },
  { field: 'brand', names: ['brand', 'vendor', 'manufacturer'] },
  { field: 'image', names: ['image', 'imageurl', 'imagelink', 'imagesrc', 'picture', 'thumbnail'] },
  { field: 'url', names: ['url', 'link', 'producturl', 'permalink'] },
  {
    field: 'stock',
    names: ['stock', 'quantity', 'inventory', 'stockquantity', 'qty', 'availability'],
  },
  { field: 'updated_at', names: ['updatedat', 'modifiedat', 'lastmodified', 'updated', 'version'] },
] as const;
type Column = (typeof columns)[number]['field'];

export type ReadCatalogue = {
  /** The column of each field, for the report. */
  readonly fields: readonly (readonly [field: Column, column: string])[];
  products(): AsyncGenerator<ProductRow>;
};
export type ProductRow =
  | { readonly line: number; readonly product: ProductToPut }
  | { readonly line: number; readonly wrong: string };

/**
 * Rows of a CSV file by the names of its columns, other columns as attributes; or lines of JSON in
 * the shape of POST /products.
 *
 * @throws UsageError for a file without the columns id, name and price
 */
export async function readCatalogue(path: string, given: DialectOptions): Promise<ReadCatalogue> {
  const sample = await sampleLog(path, sampleBytesMax);
  const dialect = sniff(sample, given);
  const decode = lineDecoder(dialect.encoding, dialect.encodingDetected);
  const utf16 =
    dialect.encoding === 'utf-16le' || dialect.encoding === 'utf-16be' ? dialect.encoding : null;
  async function* lines(): AsyncGenerator<{ readonly number: number; readonly text: string }> {
    const splitter = new LineSplitter(dialect.newline);
    for await (const chunk of (await openLog(path, utf16)).chunks)
      for (const { number, bytes } of splitter.push(chunk))
        yield { number, text: textOf(number, decode(bytes)) };
    for (const { number, bytes } of splitter.end())
      yield { number, text: textOf(number, decode(bytes)) };
  }

  if (dialect.kind === 'ndjson')
    return {
      fields: [],
      async *products() {
        for await (const { number, text } of lines())
          if (text.trim() !== '') yield jsonRow(number, text);
      },
    };

  async function* rows() {
    const reader = new CsvReader(dialect);
    for await (const { number, text } of lines())
      if (number > dialect.skipLines) yield* reader.push({ number, text, problem: null });
    yield* reader.end();
  }
  const header = await headerOf(rows());
  const places = placesOf(header);
  const decimal = detectDecimal(await sampleOf(rows(), places.get('price') ?? -1));
  return {
    fields: [...places].map(([field, at]) => [field, header[at] ?? ''] as const),
    async *products() {
      let isHeader = true;
      for await (const row of rows()) {
        if (isHeader) isHeader = false;
        else if ('broken' in row) yield { line: row.line, wrong: row.broken };
        else yield { line: row.line, product: productOf(row.fields, header, places, decimal) };
      }
    },
  };
}

/** Without a byte-order mark. */
const textOf = (number: number, line: string): string =>
  number === 1 ? line.replace(/^\uFEFF/, '') : line;

function jsonRow(line: number, text: string): ProductRow {
  try {
    return { line, product: JSON.parse(text) };
  } catch {
    return { line, wrong: 'is not JSON' };
  }
}

function placesOf(header: readonly string[]): ReadonlyMap<Column, number> {
  const plain = header.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ''));
  const places = new Map<Column, number>();
  for (const { field, names } of columns) {
    const at = names.map((name) => plain.indexOf(name)).find((place) => place >= 0);
    if (at !== undefined && ![...places.values()].includes(at)) places.set(field, at);
  }
  // A shop often has its names in a column `description`, and no other.
  const described = places.get('description');
  if (!places.has('name') && described !== undefined) {
    places.set('name', described);
    places.delete('description');
  }
  const missing = (['id', 'name', 'price'] as const).filter((field) => !places.has(field));
  if (missing.length > 0)
    throw new UsageError(
      `No column for ${missing.join(', ')}; the columns are ${header.join(', ').slice(0, 300)}. ` +
        'Name them id, name, price, description, category, brand, image, url, stock, updated_at.',
    );
  return places;
}

async function headerOf(rows: AsyncIterable<CsvRow | BrokenLine>): Promise<readonly string[]> {
  for await (const row of rows) return 'fields' in row ? row.fields : [];
  return [];
}

async function sampleOf(
  rows: AsyncIterable<CsvRow | BrokenLine>,
  place: number,
): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const row of rows) {
    if ('fields' in row) found.push(row.fields[place] ?? '');
    if (found.length > 1_000) break;
  }
  return found.slice(1);
}

function productOf(
  fields: readonly string[],
  header: readonly string[],
  places: ReadonlyMap<Column, number>,
  decimal: Decimal,
): ProductToPut {
  const textAt = (field: Column): string => (fields[places.get(field) ?? -1] ?? '').trim();
  const optional = (field: Column): string | null => textAt(field) || null;
  const numberAt = (field: Column): number | null => readNumber(textAt(field), decimal);
  const known = new Set(places.values());
  const others = header.flatMap((name, at) => {
    const value = (fields[at] ?? '').trim();
    const isAttribute = !known.has(at) && name !== '' && value !== '';
    return isAttribute && value.length <= attributeMax ? [[name, value] as const] : [];
  });
  return {
    id: textAt('id'),
    name: textAt('name'),
    // What is no number is refused, with the row.
    price: numberAt('price') ?? Number.NaN,
    description: optional('description'),
    category: optional('category'),
    brand: optional('brand'),
    image: optional('image'),
    url: optional('url'),
    stock: numberAt('stock'),
    updated_at: optional('updated_at'),
    attributes: Object.fromEntries(others),
  };
}

/** Longer texts are no attributes. */
const attributeMax = 1_024;
const atOnce = 500;
/** Lines that were turned away, in the report. */
const shownMax = 10;

export type ImportProducts = {
  readonly path: string;
  readonly dialect: DialectOptions;
  /** `null`: a dry run. */
  readonly client: Pick<VectorStreamClient, 'products'> | null;
  readonly say: (line: string) => void;
  readonly now: number;
};

/** Resolves to the exit code: 1 when no product was accepted. */
export async function importProducts({
  path,
  dialect,
  client,
  say,
  now,
}: ImportProducts): Promise<number> {
  const catalogue = await readCatalogue(path, dialect);
  for (const [field, column] of catalogue.fields) say(`${field.padEnd(12)} ${column}`);
  const totals = { accepted: 0, unchanged: 0 };
  const wrong: string[] = [];
  let batch: ProductToPut[] = [];
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const answer = await client?.products.putAll(batch);
    totals.accepted += batch.length;
    totals.unchanged += answer?.items.filter(({ superseded }) => superseded === true).length ?? 0;
    batch = [];
  };
  for await (const row of catalogue.products()) {
    // As the gateway would, so that a wrong row is named by its line.
    const read =
      'wrong' in row
        ? { ok: false as const, message: row.wrong }
        : readCatalogueProduct(row.product, { now, aheadMsMax: Infinity });
    if (!read.ok) wrong.push(`line ${row.line}: ${read.message}`);
    else if ('product' in row) batch.push(row.product);
    if (batch.length === atOnce) await send();
  }
  await send();
  say(
    `${count(totals.accepted)} products ${client === null ? 'fit' : 'put into the catalogue'}` +
      (totals.unchanged > 0 ? `, ${count(totals.unchanged)} of them already there` : '') +
      (wrong.length > 0 ? `; ${count(wrong.length)} lines turned away` : ''),
  );
  for (const line of wrong.slice(0, shownMax)) say(`  ${line}`);
  if (client === null) say('A dry run: nothing was sent.');
  return totals.accepted === 0 ? 1 : 0;
}
