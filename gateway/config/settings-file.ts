// Reads the settings of a YAML file. Its errors never quote the file, which may contain secrets.

import { parseDocument } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { configSchema, settings, type Setting } from './config-schema.ts';
import { oneLine, unknownName } from './setting-errors.ts';

/**
 * Each setting in the file with its unchecked value; none for `null`.
 *
 * @throws UsageError when the text is not YAML, or names a section or setting that does not exist.
 */
export function* settingsInFile(yaml: string | null): Generator<[Setting, unknown]> {
  if (yaml === null) return;
  for (const [section, values] of entriesOf(parseYaml(yaml), 'The settings file')) {
    if (!Object.hasOwn(configSchema, section))
      throw unknownName('section', section, Object.keys(configSchema));
    for (const [name, value] of entriesOf(values, section)) {
      const setting = settings.find(
        (candidate) => candidate.section === section && candidate.name === name,
      );
      if (setting === undefined)
        throw unknownName(
          'setting',
          `${section}.${name}`,
          settings.map(({ path }) => path),
        );
      yield [setting, value];
    }
  }
}

function parseYaml(yaml: string): unknown {
  const document = parseDocument(yaml, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) throw notYaml(error.message);
  try {
    return document.toJS();
  } catch (cause) {
    throw notYaml(cause instanceof Error ? cause.message : '');
  }
}

/**
 * Keeps the parser's words and the position, and drops what the parser quotes: a password that
 * begins with `*`, `!` or `\` causes one of these errors.
 */
function notYaml(message: string): UsageError {
  const [first = ''] = message.split('\n');
  const position = / at line \d+, column \d+/.exec(first)?.[0] ?? '';
  const [words = ''] = first
    .slice(0, position === '' ? undefined : first.lastIndexOf(position))
    .split(/(?<=\S): |["'](?!quote)|[\\%!]/);
  return new UsageError(`The settings file is not valid YAML: ${oneLine(words)}${position}.`);
}

/**
 * An empty document and an empty section set nothing. A value of another kind is not shown: it may
 * be a line of an environment file.
 */
function entriesOf(value: unknown, where: string): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    throw new UsageError(
      `${where} is ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}; ` +
        'allowed: a mapping of names to values.',
    );
  return Object.entries(value);
}
