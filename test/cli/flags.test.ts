// Flags: every wrong one is named, with what was given and what is allowed.

import { describe, expect, test } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import {
  choice,
  integer,
  number,
  orVariables,
  parseFlags,
  section,
  text,
  toggle,
} from '../../cli/flags.ts';
import type { Command } from '../../cli/flags.ts';
import { helpText } from '../../cli/help-text.ts';

const flags = {
  count: integer('N', 10, 1, 100, 'how many'),
  rate: number('R', null, 0.1, 1000, 'how fast'),
  ...section('Where to', { out: orVariables('THING_OUT', text('FILE', null, 'where to')) }),
  kind: choice(['a', 'b'], 'a', 'which'),
  burst: toggle('at once'),
};
const command: Command<typeof flags> = {
  usage: 'npm run thing --',
  about: 'Does a thing.',
  flags,
  operands: ['FILE'],
  variables: { THING_KEY: `the key, ${'which is long '.repeat(8).trim()}` },
};

describe('flags', () => {
  test('values are read in their types, and what is not given keeps its default', () => {
    const parsed = parseFlags(command, [
      'data.csv',
      '--count',
      '7',
      '--rate=0.5',
      '--burst',
      '--out',
      '-',
    ]);
    expect(parsed).toEqual({
      values: { count: 7, rate: 0.5, out: '-', kind: 'a', burst: true },
      operands: ['data.csv'],
    });
  });

  test.each([
    [['x', '--count', '0'], '--count is "0"; allowed is a whole number from 1 to 100.'],
    [['x', '--count', '-5'], '--count is "-5"; allowed is a whole number from 1 to 100.'],
    [['x', '--count', '1.5'], '--count is "1.5"; allowed is a whole number from 1 to 100.'],
    [['x', '--rate', 'fast'], '--rate is "fast"; allowed is a number from 0.1 to 1000.'],
    [['x', '--rate', ''], '--rate is ""; allowed is a number from 0.1 to 1000.'],
    [['x', '--rate', 'Infinity'], '--rate is "Infinity"; allowed is a number from 0.1 to 1000.'],
    [['x', '--count'], '--count needs a value: N.'],
    [['x', '--burst=yes'], '--burst takes no value, got "yes".'],
    [['x', '--kind', 'c'], '--kind is "c"; allowed are a, b.'],
    [['x', '--acks', '1'], '--acks is not a flag of this command; --help lists those that are.'],
    [
      ['x', '--__proto__', '1'],
      '--__proto__ is not a flag of this command; --help lists those that are.',
    ],
    [['x', '-q'], '-q is not a flag of this command; --help lists those that are.'],
    [[], 'FILE is missing: npm run thing -- FILE.'],
    [['x', 'y'], '"y" is one argument too many; --help shows how this command is called.'],
  ])('%j is refused with one line', (args, message) => {
    expect(() => parseFlags(command, args)).toThrow(new UsageError(message));
  });

  test('a last argument that ends with … may be given several times, but not left out', () => {
    const several = { ...command, operands: ['WORDS…'] };
    expect(parseFlags(several, ['warm', '--burst', 'coat'])).toMatchObject({
      operands: ['warm', 'coat'],
    });
    expect(() => parseFlags(several, [])).toThrow('WORDS… is missing');
  });

  test('--help wins over everything and lists every flag', () => {
    expect(parseFlags(command, ['--help'])).toBe('help');
    expect(parseFlags(command, ['-h'])).toBe('help');
    expect(parseFlags(command, ['--version'])).toBe('version');
    for (const name of Object.keys(flags)) expect(helpText(command)).toContain(`--${name}`);
  });

  test('--help has sections, variables beside flags, and lines that a terminal can show', () => {
    const shown = helpText(command);
    expect(shown).toMatch(/\nFlags:\n {2}--count N {2,}how many \(default 10\)\n/);
    expect(shown).toMatch(/\nWhere to:\n {2}--out FILE {2,}where to; otherwise THING_OUT\n/);
    expect(shown).toMatch(/\nVariables:\n {2}THING_KEY {2,}the key, which is long/);
    expect(shown.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });
});
