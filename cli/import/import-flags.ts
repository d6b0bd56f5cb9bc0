// The flags of `npm run import`, with what each allows.

import { UsageError } from '#core/errors/errors.ts';
import { type Command, type Flag, type FlagValues, integer, text, toggle } from '../flags.ts';

/** A single character; `tab` stands for the one that shells make hard to type. */
const character = (help: string, words: Readonly<Record<string, string>>): Flag<string | null> => ({
  hint: 'C',
  help,
  fallback: null,
  read(value, name) {
    const meant = words[value] ?? value;
    if (meant.length === 1 || Object.hasOwn(words, value)) return meant;
    throw new UsageError(
      `--${name} is "${value}"; allowed is one character${Object.keys(words)
        .map((word) => `, ${word}`)
        .join('')}.`,
    );
  },
});

const decimal: Flag<'point' | 'comma' | null> = {
  hint: 'point|comma',
  help: 'decimal sign of the numbers (default: found out)',
  fallback: null,
  read(value, name) {
    if (value === 'point' || value === 'comma') return value;
    throw new UsageError(`--${name} is "${value}"; allowed are point, comma.`);
  },
};

const flags = {
  mapping: text(
    'NAME|FILE',
    null,
    'online-retail, rees46, or a YAML file of your own (default: by the header)',
  ),
  target: text(
    'URL',
    null,
    'gateway to send to (default: the local one, started for the import when none runs)',
  ),
  'dry-run': toggle('read, map and check everything, send nothing'),
  limit: integer('N', null, 1, Number.MAX_SAFE_INTEGER, 'stop after N rows'),
  report: text('FILE', null, 'write every line that was turned away, with its reason, as JSON'),
  restart: toggle('start at the first line, whatever an earlier run has done'),
  'no-wait': toggle('end when all is accepted, not when all is searchable'),
  delimiter: character('column separator, or tab (default: found out)', { tab: '\t' }),
  quote: character('quote character, or none (default: found out)', { none: 'none' }),
  encoding: text('NAME', null, 'utf-8, utf-16le, utf-16be, windows-1252, … (default: found out)'),
  decimal,
  'date-format': text(
    'FORMAT',
    null,
    "as in 'd/M/yyyy H:mm', or unix-s, unix-ms (default: found out)",
  ),
  'time-zone': text(
    'ZONE',
    null,
    "of dates that name none: +01:00 or Europe/London (default: the mapping's, else UTC)",
  ),
  'data-dir': text(
    'DIR',
    null,
    'where progress is kept, and the data of a gateway started here (default .vectorstream)',
  ),
};

export type ImportFlags = FlagValues<typeof flags>;

export const importCommand: Command<typeof flags> = {
  usage: 'npm run import --',
  about:
    'Imports an event log (CSV, NDJSON, either in gzip) and makes it searchable. A second run of the same file adds nothing,\nan interrupted one goes on where it stopped. Mappings are described in docs/import.md.',
  operands: ['FILE'],
  flags,
};
