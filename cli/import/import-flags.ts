// The flags of `npm run import`, and the values that each allows.

import { UsageError } from '#core/errors/errors.ts';
import {
  type Command,
  type Flag,
  type FlagValues,
  choice,
  integer,
  orVariables,
  section,
  text,
  toggle,
} from '../flags.ts';
import { gatewayVariables } from '../gateway/gateway-connection.ts';

/** A single character, or a word such as `tab` for one that is hard to type in a shell. */
const character = (help: string, words: Readonly<Record<string, string>>): Flag<string | null> => ({
  ...text('C', null, help),
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

const flags = {
  ...section('What to do', {
    as: choice(
      ['events', 'products'],
      'events',
      'what the rows are: products go into the catalogue, found by the names of the columns',
    ),
    mapping: text(
      'NAME|FILE',
      null,
      'ready-made, such as rees46 or yoochoose-clicks (docs/import.md), or a YAML file ' +
        '(default: by the header)',
    ),
    'dry-run': toggle('read, map and check everything, send nothing'),
    limit: integer('N', null, 1, Number.MAX_SAFE_INTEGER, 'stop after N rows'),
    report: text('FILE', null, 'write every line that was turned away, with its reason, as JSON'),
    restart: toggle('start at the first line, even after an earlier run'),
    'no-wait': toggle('end when everything is accepted, not when it is searchable'),
  }),
  ...section('How the file is read', {
    delimiter: character('column separator, or tab, or \\x01 (default: detected)', {
      tab: '\t',
      '\\x01': '\u0001',
    }),
    'skip-lines': integer('N', null, 0, 10_000, 'lines above the header (default: detected)'),
    quote: character('quote character, or none (default: detected)', { none: 'none' }),
    encoding: text('NAME', null, 'utf-8, utf-16le, utf-16be, windows-1252, … (default: detected)'),
    decimal: choice(['point', 'comma'], null, 'decimal sign of the numbers (default: detected)'),
    'date-format': text(
      'FORMAT',
      null,
      "as in 'd/M/yyyy H:mm', or unix-s, -ms, -us, -ns (default: detected)",
    ),
    'time-zone': text(
      'ZONE',
      null,
      "for dates without one: +01:00 or Europe/London (default: the mapping's, else UTC)",
    ),
  }),
  ...section('Where to', {
    target: orVariables(
      'VECTORSTREAM_HOST and VECTORSTREAM_PORT',
      text(
        'URL',
        null,
        'gateway to send to (default: the local one, started for the import when none runs)',
      ),
    ),
    'data-dir': orVariables(
      'VECTORSTREAM_DATA_DIR',
      text(
        'DIR',
        null,
        'for progress, and for the data of a gateway started here (default .vectorstream)',
      ),
    ),
  }),
};

export type ImportFlags = FlagValues<typeof flags>;

export const importCommand: Command<typeof flags> = {
  usage: 'npm run import --',
  about:
    'Imports event logs (CSV, NDJSON, Parquet, also in gzip, zstd, zip, bzip2, xz) and makes ' +
    'them searchable.\nA second run of a file adds nothing; an interrupted run resumes. Several ' +
    "files, and\npatterns in quotes such as 'day-*.csv', are imported one after another.\n" +
    'docs/import.md describes mappings.',
  operands: ['FILE…'],
  variables: gatewayVariables,
  flags,
};
