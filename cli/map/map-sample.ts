// Chooses what to try on sample records: the given mapping, the ready-made ones that read them, or
// a draft.

import { stringify } from 'yaml';
import { parseJson, printable } from '#core/event/json-guard.ts';
import { draftMapping, type SampleSource } from '#core/mapping/draft-mapping.ts';
import { parseMapping } from '#core/mapping/mapping.ts';
import { type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import { loadMapping, loadTopicMapping, readyMadeNames } from '../import/load-mapping.ts';
import { isGood, reportOf, type SampleRecord } from './mapping-report.ts';

export type Tried = {
  readonly mappings: readonly RecordMapping[];
  /** One line for a person. */
  readonly about: string;
  /** The YAML of a draft; `null` for any other mapping. */
  readonly draft: string | null;
};

/** @throws UsageError for a mapping that does not exist or has a mistake */
export async function givenMapping(nameOrPath: string): Promise<Tried> {
  const mapping = recordMapping(await loadTopicMapping(nameOrPath));
  return { mappings: [mapping], about: `Mapping: ${mapping.name}`, draft: null };
}

/** None, one for all, or several together. `null` if they do not read nine of ten records. */
export async function readyMadeMappings(
  records: readonly SampleRecord[],
  now: number,
): Promise<Tried | null> {
  const reads = (mappings: readonly RecordMapping[]) => isGood(reportOf(records, mappings, now));
  if (reads([])) {
    const about =
      "These records need no mapping: they have VectorStream's event format, or nearly so.";
    return { mappings: [], about, draft: null };
  }
  const specs = await Promise.all((await readyMadeNames()).map(loadMapping));
  const compiled = specs.map((spec) => ({ spec, mapping: recordMapping(spec) }));
  // A mapping with conditions leaves the records of others alone.
  const together = compiled
    .filter(({ spec }) => spec.applies_to !== undefined)
    .map(({ mapping }) => mapping)
    .filter((mapping) => reportOf(records, [mapping], now).events.size > 0);
  const alone = compiled
    .filter(({ spec }) => spec.applies_to === undefined)
    .map(({ mapping }) => [mapping]);
  const mappings = [together, ...alone].find(reads);
  if (mappings === undefined) return null;
  const names = mappings.map(({ name }) => name).join(', ');
  const about = `Ready-made: ${names} (events.mappings, or npm run import for a file)`;
  return { mappings, about, draft: null };
}

/** @throws UsageError when the records show neither a product nor a search */
export function draftedMapping(
  records: readonly SampleRecord[],
  source: { readonly from: SampleSource; readonly now: number },
): Tried {
  const values = records.flatMap(({ value }) => {
    const json = parseJson(value);
    return json.ok ? [json.value] : [];
  });
  const { mapping, guesses } = draftMapping(values, source);
  const notes = ['Drafted by npm run map. Check it before you use it.', ...guesses];
  const draft = `${notes.map((note) => `# ${inOneLine(note)}\n`).join('')}${stringify(mapping)}`;
  const about = draft.split('\n').map(inOneLine).join('\n');
  return { mappings: [recordMapping(parseMapping(mapping, 'draft'))], about, draft };
}

/** Names and texts of records may hold line breaks, and characters that steer a terminal. */
const inOneLine = (text: string): string => printable(text, Infinity);
