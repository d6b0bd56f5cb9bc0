// Decides how a file is read, before anything is sent: dialect, mapping, dates and numbers, each
// given or detected.

import { createHash } from 'node:crypto';
import { UsageError } from '#core/errors/errors.ts';
import { dateReader, detectDateFormat, type DetectedFormat } from '#core/mapping/dates.ts';
import { amountTexts, rowCleaner, rowMapper, type RowMapper } from '#core/mapping/map-row.ts';
import type { Mapping } from '#core/mapping/mapping.ts';
import { detectDecimal, type Decimal } from '#core/mapping/numbers.ts';
import { firstOf, type Resolve } from '#core/mapping/template.ts';
import { CsvReader, type CsvRow } from './csv-records.ts';
import { encodingNamed } from './decode.ts';
import { dialectFacts } from './dialect-facts.ts';
import { firstRows } from './first-rows.ts';
import { loadMapping, readyMadeNames } from './load-mapping.ts';
import { memberReader, type RowReader, wholeLineReader } from './ndjson-reader.ts';
import { sampleBytesMax, sampleLog } from './open-file.ts';
import { printable } from './printable.ts';
import { type Dialect, sniff } from './sniff.ts';

/** Values of the command line; `null` means to detect them. */
export type PlanOptions = {
  readonly mapping: string | null;
  readonly delimiter: string | null;
  readonly quote: string | null;
  readonly encoding: string | null;
  readonly decimal: Decimal | null;
  readonly dateFormat: string | null;
  readonly timeZone: string | null;
  readonly skipLines: number | null;
};

export type Plan = {
  readonly dialect: Dialect;
  /** `null` for events in VectorStream's own format. */
  readonly mapping: string | null;
  /** Whether the first record is the header. */
  readonly header: boolean;
  /** How many fields every row must have; `null` where rows have no columns. */
  readonly columns: number | null;
  newReader(): RowReader;
  readonly toEvent: RowMapper;
  /** How the file is read, as names and values for a person. */
  readonly facts: readonly (readonly [string, string])[];
  /** Equal for two runs that make the same events of the same file. */
  readonly fingerprint: string;
};

/** @throws UsageError with a message that starts with the file's name */
export async function planImport(path: string, options: PlanOptions): Promise<Plan> {
  const mapping = options.mapping === null ? null : await loadMapping(options.mapping);
  const sample = await sampleLog(path, sampleBytesMax);
  try {
    const encoding = options.encoding ?? mapping?.encoding ?? null;
    const dialect = sniff(sample, {
      encoding: encoding === null ? null : encodingNamed(encoding),
      delimiter: options.delimiter ?? mapping?.delimiter ?? null,
      quote: options.quote ?? mapping?.quote ?? null,
      skipLines: options.skipLines,
    });
    return dialect.kind === 'csv'
      ? await planCsv(dialect, sample, mapping, options)
      : await planNdjson(dialect, sample, mapping, options);
  } catch (error) {
    throw error instanceof UsageError
      ? new UsageError(`${path}: ${printable(error.message)}`, { cause: error })
      : error;
  }
}

async function planCsv(
  dialect: Dialect,
  sample: Buffer,
  given: Mapping | null,
  options: PlanOptions,
): Promise<Plan> {
  const newReader = (): RowReader => new CsvReader(dialect);
  const rows = firstRows(sample, dialect, newReader());
  const header = given?.columns ?? rows.shift()?.fields ?? [];
  const mapping = given ?? (await mappingFor(header));
  const columns = new Map<string, number>();
  for (const [index, column] of header.entries()) {
    if (!columns.has(columnKey(column))) columns.set(columnKey(column), index);
  }
  const missing = new Set<string>();
  const plan = planMapped(
    dialect,
    mapping,
    options,
    rows,
    (column) => {
      const index = columns.get(columnKey(column));
      if (index === undefined) missing.add(column);
      return index ?? -1;
    },
    () => {
      if (missing.size > 0)
        throw new UsageError(
          `mapping ${mapping.name} needs the ${plural(missing.size, 'column')} ` +
            `${[...missing].join(', ')}; found ${listed(header)}`,
        );
    },
  );
  return { ...plan, header: mapping.columns === undefined, columns: header.length, newReader };
}

async function planNdjson(
  dialect: Dialect,
  sample: Buffer,
  mapping: Mapping | null,
  options: PlanOptions,
): Promise<Plan> {
  if (mapping === null) {
    return {
      dialect,
      mapping: null,
      header: false,
      columns: null,
      newReader: wholeLineReader,
      toEvent: (row) => row[0] ?? '',
      facts: [...dialectFacts(dialect), ['events', 'as they are, each with its own event_id']],
      fingerprint: 'events-as-they-are',
    };
  }
  const columns: string[] = [];
  const resolve: Resolve = (column) => {
    const index = columns.indexOf(column);
    return index >= 0 ? index : columns.push(column) - 1;
  };
  // First to learn which members the mapping names, then to read only these.
  rowMapper(mapping, resolve, { decimal: 'point', date: () => null });
  firstOf(mapping.event.timestamp, resolve);
  const newReader = (): RowReader => memberReader(columns);
  return {
    ...planMapped(
      dialect,
      mapping,
      options,
      firstRows(sample, dialect, newReader()),
      resolve,
      () => {},
    ),
    header: false,
    columns: null,
    newReader,
  };
}

function planMapped(
  dialect: Dialect,
  mapping: Mapping,
  options: PlanOptions,
  rows: readonly CsvRow[],
  resolve: Resolve,
  check: () => void,
): Omit<Plan, 'header' | 'columns' | 'newReader'> {
  if (mapping.each !== undefined)
    throw new UsageError(
      `mapping ${mapping.name}: each is for records of a topic (docs/events.md); ` +
        'a line of a log is one event',
    );
  const clean = rowCleaner(mapping);
  const timestamp = firstOf(mapping.event.timestamp, resolve);
  const amounts = amountTexts(mapping, resolve);
  rowMapper(mapping, resolve, { decimal: 'point', date: () => null });
  check();
  const decimal =
    options.decimal ??
    mapping.decimal ??
    detectDecimal(rows.flatMap(({ fields }) => amounts(clean(fields))));
  const timeZone = options.timeZone ?? mapping.time_zone ?? 'UTC';
  const dates = rows.map(({ fields }) => timestamp(clean(fields)));
  const { format, because } = dateFormat(
    dates,
    options.dateFormat ?? mapping.date_format ?? null,
    decimal,
    String(mapping.event.timestamp),
  );
  const date = dateReader(format, timeZone);
  const example = dates.find((text) => date(text) !== null);
  const exampleTime = example === undefined ? null : date(example);
  return {
    dialect,
    mapping: mapping.name,
    toEvent: rowMapper(mapping, resolve, { decimal, date }),
    facts: [
      ...dialectFacts(dialect),
      ['mapping', mapping.name],
      [
        'dates',
        [
          `${format}, ${timeZone}`,
          exampleTime === null ? '' : `: ${example} is ${new Date(exampleTime).toISOString()}`,
          because === null ? '' : ` (${because}; --date-format overrides it)`,
        ].join(''),
      ],
      ['numbers', `decimal ${decimal}`],
    ],
    fingerprint: createHash('sha256')
      // An import that an older version began had no such lines.
      .update(
        JSON.stringify([
          mapping,
          { ...dialect, skipLines: dialect.skipLines || undefined },
          decimal,
          format,
          timeZone,
        ]),
      )
      .digest('hex'),
  };
}

function dateFormat(
  dates: readonly string[],
  given: string | null,
  decimal: Decimal,
  column: string,
): DetectedFormat {
  if (given !== null) return { format: given, because: null };
  const detected = detectDateFormat(dates, { decimalComma: decimal === 'comma', column });
  if (detected !== null) return detected;
  throw new UsageError(
    `dates such as ${dates.find((text) => text !== '')} can be read day first or month first; ` +
      "choose with --date-format, for example 'd/M/yyyy H:mm' or 'M/d/yyyy H:mm'",
  );
}

const closestMax = 3;

/** The ready-made mapping whose columns all exist. */
async function mappingFor(header: readonly string[]): Promise<Mapping> {
  const found = new Set(header.map(columnKey));
  const needs: { readonly name: string; readonly missing: readonly string[] }[] = [];
  for (const name of await readyMadeNames()) {
    const mapping = await loadMapping(name);
    // Such mappings are for JSON or for files without a header. A person gives them by name.
    if (mapping.applies_to !== undefined || mapping.columns !== undefined) continue;
    const missing = new Set<string>();
    const resolve: Resolve = (column) => {
      if (!found.has(columnKey(column))) missing.add(column);
      return 0;
    };
    rowMapper(mapping, resolve, { decimal: 'point', date: () => null });
    if (missing.size === 0) return mapping;
    needs.push({ name, missing: [...missing] });
  }
  const closest = needs
    .toSorted((a, b) => a.missing.length - b.missing.length)
    .slice(0, closestMax)
    .map(({ name, missing }) => `${name} misses ${missing.join(', ')}`);
  throw new UsageError(
    `no ready-made mapping fits: found ${listed(header)}; ${closest.join('; ')}. ` +
      'Have one drafted by  npm run map -- FILE --draft my.yaml  and give it with ' +
      '--mapping my.yaml (docs/import.md)',
  );
}

function columnKey(name: string): string {
  return name.trim().toLowerCase();
}

function listed(header: readonly string[]): string {
  const names = header.slice(0, 30).map((name) => name.trim().slice(0, 40) || '(no name)');
  return `${names.join(', ')}${header.length > 30 ? ` and ${header.length - 30} more` : ''}`;
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}
