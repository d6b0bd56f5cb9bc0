// The text of a command's `--help`: its flags by section, each with the variables beside it.

import { wrappedLines } from '#core/collections/wrapped-lines.ts';
import type { Command, Flag, Flags } from './flags.ts';

type Row = readonly [left: string, right: string];
type Section = readonly [heading: string, rows: readonly Row[]];

const general: Section = [
  'Help',
  [
    ['--version', 'the version'],
    ['--help', 'this text'],
  ],
];
const columnsMax = 100;
/** The column where the right side begins. */
const indent = 28;

export function helpText<F extends Flags>(command: Command<F>): string {
  const { usage, about, flags, operands, variables } = command;
  const headings = new Set(Object.values(flags).map(({ heading }) => heading));
  const sections: readonly Section[] = [
    ...[...headings].map((heading): Section => [
      heading,
      Object.entries(flags)
        .filter(([, flag]) => flag.heading === heading)
        .map(flagRow),
    ]),
    general,
    ['Variables', Object.entries(variables)],
  ];
  return `${[
    about,
    `Usage: ${[usage, ...operands].join(' ')} [flags]`,
    ...sections.filter(([, rows]) => rows.length > 0).map(sectionText),
  ].join('\n\n')}\n`;
}

function flagRow([name, flag]: readonly [string, Flag<unknown>]): Row {
  const { hint, help, variables } = flag;
  const otherwise = variables === null ? '' : `; otherwise ${variables}`;
  return [
    `--${name}${hint === null ? '' : ` ${hint}`}`,
    `${help}${shownDefault(flag)}${otherwise}`,
  ];
}

/** The right sides are wrapped. A long left side has a line of its own. */
function sectionText([heading, rows]: Section): string {
  const lines = rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrappedLines(right, columnsMax - indent).map(
      (line) => ' '.repeat(indent) + line,
    );
    const isLong = left.length > indent - 4;
    return isLong
      ? [`  ${left}`, first, ...more]
      : [`  ${left}`.padEnd(indent) + first.trimStart(), ...more];
  });
  return `${heading}:\n${lines.join('\n')}`;
}

function shownDefault({ fallback }: Pick<Flag<unknown>, 'fallback'>): string {
  return typeof fallback === 'string' || typeof fallback === 'number'
    ? ` (default ${fallback})`
    : '';
}
