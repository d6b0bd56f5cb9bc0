// Renders the table of settings for people: the example file and the text of --help.

import { wrappedLines } from '#core/collections/wrapped-lines.ts';
import { settings, type Setting } from './all-sections.ts';
import { isSet } from './config.ts';

const columnsMax = 100;

/** The content of `vectorstream.example.yaml`: every setting with its default, bound and names. */
export function exampleYaml(): string {
  const lines = [
    ...wrapped(
      'Every setting of the gateway with its default. ' +
        'Copy this file to vectorstream.yaml and keep the lines that you change.',
      '# ',
    ),
    '# Defaults < vectorstream.yaml < environment < flags. An empty variable counts as not set.',
  ];
  let section = '';
  for (const setting of settings) {
    if (setting.section !== section) {
      section = setting.section;
      lines.push('', `${section}:`);
    } else lines.push('');
    const { key, name } = setting;
    lines.push(
      ...wrapped(key.help, '  # '),
      ...wrapped(`Allowed: ${key.allowed}.`, '  # '),
      ...wrapped(names(setting), '  # '),
      isSet(key.default) ? `  ${name}: ${String(key.default)}` : `  # ${name}:`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The output of `npm start -- --help`: the settings by section, each flag with its variable. */
export function helpText(): string {
  const lines = [
    'Usage: npm start -- [--name value …]',
    '',
    'Starts the gateway. It accepts events, has runners embed their texts, keeps the vector index',
    'and answers searches.',
    'Settings come from vectorstream.yaml, then from the environment, then from flags.',
    'npm run check tries them without a start.',
    '',
    '  --config FILE',
    '      Settings file to read instead of vectorstream.yaml.',
    '  --version',
    '      Print the version.',
    '  --help',
    '      Print this text.',
  ];
  let section = '';
  for (const { section: next, name, key, flag, variable } of settings) {
    if (next !== section) lines.push('', `${next}:`);
    section = next;
    lines.push(
      `  ${flag === null ? variable : `--${flag}`}`,
      ...(flag === null ? [] : [`      ${variable}, ${next}.${name}`]),
      ...wrapped(isSet(key.default) ? `${key.help} Default ${String(key.default)}.` : key.help),
      ...wrapped(`Allowed: ${key.allowed}.`),
    );
  }
  return `${lines.join('\n')}\n`;
}

function names({ variable, flag, key }: Setting): string {
  const live = key.live ? ' Can be changed live.' : '';
  return `Set by ${variable}${flag === null ? '' : ` or --${flag}`}.${live}`;
}

const wrapped = (words: string, indent = '      '): readonly string[] =>
  wrappedLines(words, columnsMax - indent.length).map((line) => indent + line);
