// Turns file, environment and flags into one checked Config, or stops with one line that names the
// setting, its value and what is allowed.

import { UsageError } from '#core/errors/errors.ts';
import { checkCombinations } from './check-combinations.ts';
import { foreignVariables, settings, type Setting } from './config-schema.ts';
import { configView, type Config } from './config.ts';
import { settingOfFlag } from './parse-flags.ts';
import { checkedValue, unknownName } from './setting-errors.ts';
import { settingsInFile } from './settings-file.ts';

export type ConfigInput = {
  /** Text of `vectorstream.yaml`; `null` when there is none. */
  readonly yaml: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By name without dashes, as `parseFlags` returns them. */
  readonly flags: ReadonlyMap<string, string>;
};

/**
 * Where a value came from. `override`: from the file that `PUT /config/{section}?persist=true`
 * writes; `request`: from a PUT without `persist`.
 */
export type Origin = 'default' | 'file' | 'environment' | 'flag' | 'override' | 'request';
/** By `section.name`. */
export type Resolved = ReadonlyMap<string, { readonly value: unknown; readonly origin: Origin }>;

/**
 * Defaults < file < environment < flags. Pure.
 *
 * @throws UsageError with a message of one line.
 */
export function parseConfig(input: ConfigInput): Config {
  return configOf(parseSettings(input));
}

/**
 * Each setting with its checked value and its origin. `configOf` then checks them against each
 * other.
 *
 * @throws UsageError
 */
export function parseSettings(input: ConfigInput): Resolved {
  const given = new Map<string, { value: unknown; from: string; origin: Origin }>();
  for (const [setting, value] of settingsInFile(input.yaml))
    given.set(setting.path, { value, from: setting.path, origin: 'file' });
  for (const [setting, value] of settingsInEnvironment(input.env))
    given.set(setting.path, { value, from: setting.variable, origin: 'environment' });
  for (const [name, value] of input.flags)
    given.set(settingOfFlag(name).path, { value, from: `--${name}`, origin: 'flag' });
  return new Map(
    settings.map((setting) => {
      const entry = given.get(setting.path);
      return [
        setting.path,
        entry === undefined
          ? { value: setting.key.default, origin: 'default' as const }
          : { value: checkedValue(setting, entry.value, entry.from), origin: entry.origin },
      ];
    }),
  );
}

/**
 * The settings in a file of overrides, by `section.name`.
 *
 * @throws UsageError
 */
export function parseOverrides(yaml: string): ReadonlyMap<string, unknown> {
  return new Map(
    [...settingsInFile(yaml)].map(([setting, value]) => {
      if (!setting.key.live)
        throw new UsageError(
          `${setting.path} cannot be overridden: ` +
            'it is set by file, environment or flag, and takes effect at the start.',
        );
      return [setting.path, checkedValue(setting, value, setting.path)];
    }),
  );
}

/**
 * The configuration with these values.
 *
 * @throws UsageError when they do not fit together.
 */
export function configOf(values: Resolved): Config {
  const config = configView((path) => values.get(path)?.value);
  checkCombinations(config);
  return config;
}

/** An empty variable counts as absent: compose files and shells pass unset variables like that. */
function* settingsInEnvironment(env: ConfigInput['env']): Generator<[Setting, unknown]> {
  for (const setting of settings) {
    const value = env[setting.variable];
    if (value !== undefined && value !== '') yield [setting, value];
  }
  const known = [...settings.map(({ variable }) => variable), ...foreignVariables];
  for (const name of Object.keys(env)) {
    if (name.startsWith('VECTORSTREAM_') && !known.includes(name))
      throw unknownName('variable', name, known);
  }
}
