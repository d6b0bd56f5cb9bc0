// Reads the settings of a YAML file. Its errors never quote the file, which may contain secrets.

import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { configSchema, settings, type Setting } from './all-sections.ts';
import { oneLine, unknownName } from './setting-messages.ts';
import { SettingsError, type Mistake } from './settings-mistakes.ts';

export type FileSetting = {
  readonly setting: Setting;
  /** Unchecked. */
  readonly value: unknown;
  readonly line: number | null;
};

/**
 * Each setting in the file, and every name that does not exist.
 *
 * @throws SettingsError when the text is not YAML
 */
export function settingsInFile(yaml: string | null): {
  readonly found: readonly FileSetting[];
  readonly mistakes: readonly Mistake[];
} {
  const found: FileSetting[] = [];
  const mistakes: Mistake[] = [];
  if (yaml === null) return { found, mistakes };
  const { content, lineOf } = parseYaml(yaml);
  const told = (line: number | null, { message }: UsageError): void => {
    mistakes.push({ message, line });
  };
  const sections = entriesOf(content, 'The settings file', (error) => told(null, error));
  for (const [section, values] of sections) {
    const line = lineOf([section]);
    if (!Object.hasOwn(configSchema, section)) {
      told(line, unknownName('section', section, Object.keys(configSchema)));
      continue;
    }
    for (const [name, value] of entriesOf(values, section, (error) => told(line, error))) {
      const path = `${section}.${name}`;
      const setting = settings.find((candidate) => candidate.path === path);
      const settingLine = lineOf([section, name]);
      if (setting !== undefined) found.push({ setting, value, line: settingLine });
      else
        told(
          settingLine,
          unknownName(
            'setting',
            path,
            settings.map((each) => each.path),
          ),
        );
    }
  }
  return { found, mistakes };
}

type Parsed = {
  readonly content: unknown;
  /** The line of the key at the end of the path; `null` where an alias hides it. */
  readonly lineOf: (path: readonly string[]) => number | null;
};

function parseYaml(yaml: string): Parsed {
  const lineCounter = new LineCounter();
  const document = parseDocument(yaml, { logLevel: 'silent', lineCounter });
  const [error] = document.errors;
  if (error !== undefined) throw notYaml(error.message);
  try {
    return {
      content: document.toJS(),
      lineOf(path) {
        const offset = offsetOfKey(document, path);
        return offset === null ? null : lineCounter.linePos(offset).line;
      },
    };
  } catch (cause) {
    throw notYaml(cause instanceof Error ? cause.message : '');
  }
}

function offsetOfKey(document: Document, path: readonly string[]): number | null {
  let node: unknown = document.contents;
  let offset: number | null = null;
  for (const name of path) {
    if (!isMap(node)) return null;
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
    if (pair === undefined || !isScalar(pair.key)) return null;
    offset = pair.key.range?.[0] ?? null;
    node = pair.value;
  }
  return offset;
}

/**
 * Keeps the parser's words and the position, and drops what the parser quotes: a password that
 * begins with `*`, `!` or `\` causes one of these errors.
 */
function notYaml(message: string): SettingsError {
  const [first = ''] = message.split('\n');
  const position = / at line \d+, column \d+/.exec(first)?.[0] ?? '';
  const [words = ''] = first
    .slice(0, position === '' ? undefined : first.lastIndexOf(position))
    .split(/(?<=\S): |["'](?!quote)|[\\%!]/);
  const line = /line (\d+)/.exec(position)?.[1];
  return new SettingsError([
    {
      message: `The settings file is not valid YAML: ${oneLine(words)}${position}.`,
      line: line === undefined ? null : Number(line),
    },
  ]);
}

/**
 * An empty document and an empty section set nothing. A value of another kind is not shown: it may
 * be a line of an environment file.
 */
function entriesOf(
  value: unknown,
  where: string,
  refuse: (error: UsageError) => void,
): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'object' && !Array.isArray(value)) return Object.entries(value);
  refuse(
    new UsageError(
      `${where} is ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}; ` +
        'allowed: a mapping of names to values.',
    ),
  );
  return [];
}
