// Any settings file, environment and flags: a configuration within its bounds, or one line that
// shows no secret.

import { UsageError } from '#core/errors/errors.ts';
import { settings } from '../../../gateway/config/all-sections.ts';
import { parseConfig, parseOverrides } from '../../../gateway/config/parse-config.ts';
import { parseFlags } from '../../../gateway/config/parse-flags.ts';
import { allowing, assert, equal, oneLine } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

/** The secret that the inputs contain. */
const secret = 'Hunter2Hunter2';
const secretPlaces = settings.filter(({ key }) => key.secret);

/**
 * An input is the file, then variables behind `=== env`, then flags behind `=== flags`, one per
 * line.
 */
function parts(text: string): { yaml: string; env: Record<string, string>; argv: string[] } {
  const [yaml = '', env = '', flags = ''] = text.split(/^=== (?:env|flags)$/m);
  const variables = env
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  return {
    yaml,
    env: Object.fromEntries(variables),
    argv: flags.split('\n').filter((line) => line !== ''),
  };
}

export const config: Target = {
  name: 'config',
  covers: /\/gateway\/config\/|\/kafka\/kafka-settings\.ts/,
  words: [
    ...new Set(
      settings.flatMap(({ section, name, variable, flag }) => [
        `${section}:\n  `,
        `${name}: `,
        `\n${variable}=`,
        ...(flag === null ? [] : [`\n--${flag}=`]),
      ]),
    ),
    'auto',
    'true',
    'kafka',
    'qdrant',
    'plain',
    '0.0.0.0',
    '10.0.0.0/8',
    'https://shop.example',
    'http://user:pass@host:1',
    'name:read:',
    'a:9092,b:9092',
    '*',
    '&a ',
    '*a',
    '!!binary ',
    '<<: ',
    '? ',
    '[a, ',
    '{',
    '"\\x41"',
    "'",
    ' #',
    '%YAML 1.2\n',
    '---\n',
    '...\n',
    '|\n',
    ': ',
    '- ',
    '__proto__: ',
    '1e3',
    '0x10',
    '=== env\n',
    '=== flags\n',
    '--config=',
    '.inf',
  ],
  run(input) {
    const { yaml, env, argv } = parts(input.toString());
    const result = allowing(UsageError, () => {
      const { flags } = parseFlags(argv);
      return parseConfig({ yaml, env, flags });
    });
    const overrides = allowing(UsageError, () => parseOverrides(yaml));
    for (const told of [result, overrides]) {
      if (!('refusal' in told)) continue;
      for (const line of told.refusal.message.split('\n')) oneLine(line, 1200);
      assert(
        !told.refusal.message.includes(secret) || isElsewhere(input.toString()),
        `no message shows a secret: ${told.refusal.message}`,
      );
    }
    if ('refusal' in result) return;
    const values = new Map<string, Record<string, unknown>>(Object.entries(result.value));
    for (const { section, name, path, key } of settings) {
      const value = values.get(section)?.[name];
      // The items of a list are parsed into other values than their text.
      if (!Array.isArray(value))
        equal(key.check(value), { ok: true, value }, `${path} is what its own check lets through`);
    }
  },
};

/**
 * Whether the secret is in a place for other values, such as a command line: there it counts as
 * ordinary text.
 */
function isElsewhere(text: string): boolean {
  const { yaml, env, argv } = parts(text);
  const places = secretPlaces.flatMap(({ name, variable }) => [`${name}:`, `${variable}=`]);
  const lines = [
    ...yaml.split('\n'),
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ];
  return (
    argv.some((word) => word.includes(secret)) ||
    lines.some(
      (line) =>
        line.includes(secret) && !places.some((place) => line.trimStart().startsWith(place)),
    )
  );
}
