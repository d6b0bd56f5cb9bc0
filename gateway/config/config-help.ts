// Renders the table of settings for people: the example file and the text of --help.

import { settings, type Setting } from './config-schema.ts';

/** The content of `vectorstream.example.yaml`: every setting with its default, bound and variable. */
export function exampleYaml(): string {
  const lines = [
    '# Every setting of the gateway with its default. Copy to vectorstream.yaml and keep the lines that you change.',
    '# Defaults < vectorstream.yaml < environment < flags. An empty variable counts as not set.',
  ];
  let section = '';
  for (const setting of settings) {
    if (setting.section !== section) {
      section = setting.section;
      lines.push('', `${section}:`);
    }
    lines.push(`  # ${setting.key.help}`, `  # Allowed: ${setting.key.allowed}. ${names(setting)}`);
    lines.push(
      isUnset(setting)
        ? `  # ${setting.name}:`
        : `  ${setting.name}: ${String(setting.key.default)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** What `npm start -- --help` prints. */
export function helpText(): string {
  const rows = settings.map((setting) => {
    const value = isUnset(setting) ? '' : ` Default ${String(setting.key.default)}.`;
    return `  ${setting.flag === null ? setting.variable : `--${setting.flag}`}\n      ${setting.key.help}${value}\n      ${setting.key.allowed}`;
  });
  return [
    'Usage: npm start -- [--name value …]',
    '',
    'Starts the gateway: takes events in, has runners embed them, keeps the index and answers searches.',
    'Settings come from vectorstream.yaml, then the environment, then flags; vectorstream.example.yaml lists all three names of each.',
    '',
    '  --config FILE\n      Settings file in place of vectorstream.yaml.',
    '  --help\n      This text.',
    ...rows,
    '',
  ].join('\n');
}

/** Without a default there is nothing to show. */
const isUnset = ({ key }: Setting): boolean =>
  key.default === null || (Array.isArray(key.default) && key.default.length === 0);

const names = ({ variable, flag, key }: Setting): string =>
  `${variable}${flag === null ? '' : `, --${flag}`}${key.live ? '. Can be changed live.' : ''}`;
