// Lists the columns of sample records: which members they have, in which lists, and which texts.

import { isExactNumber } from '#core/event/exact-json.ts';
import { isDeeperThan } from '#core/event/json-guard.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { textOf } from './member-text.ts';

export type SampleColumn = {
  /** The name as a template has it: `order.items.sku`. */
  readonly name: string;
  /** The list whose items have it, by its name; `''` for a member of the record itself. */
  readonly list: string;
  /** The texts of the rows that have one which is not empty. */
  readonly texts: readonly string[];
};
export type Sample = {
  readonly columns: readonly SampleColumn[];
  /** The number of items that each list has in all; under `''`, the number of records. */
  readonly rows: ReadonlyMap<string, number>;
};

const depthMax = 8;
const columnsMax = 1000;

/** Records that are nested deeper than an event may be are left out. */
export function sampleColumns(sent: readonly unknown[]): Sample {
  const records = sent.filter((record) => !isDeeperThan(eventLimits.depthMax, record));
  const columns = new Map<string, { name: string; list: string; texts: string[] }>();
  const rows = new Map<string, number>([['', records.length]]);

  function add(value: unknown, path: readonly string[], list: string): void {
    if (path.length > depthMax) return;
    const name = path.join('.');
    if (Array.isArray(value)) {
      const items = value.filter((item: unknown) => typeof item === 'object' && item !== null);
      if (items.length > 0) rows.set(name, (rows.get(name) ?? 0) + items.length);
      for (const item of items) add(item, path, name);
      return;
    }
    if (typeof value === 'object' && value !== null && !isExactNumber(value)) {
      for (const [member, inner] of Object.entries(value))
        if (!/[{}|]/.test(member)) add(inner, [...path, member], list);
      return;
    }
    const text = textOf(value).trim();
    if (text === '') return;
    const column = columns.get(name) ?? { name, list, texts: [] };
    if (!columns.has(name) && columns.size >= columnsMax) return;
    columns.set(name, column);
    column.texts.push(text);
  }

  for (const record of records) add(record, [], '');
  return { columns: [...columns.values()], rows };
}
