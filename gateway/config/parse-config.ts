// Turns file, environment and flags into one checked Config, or stops with every mistake: one line
// each, with the setting, its value and what is allowed.

import { UsageError } from '#core/errors/errors.ts';
import { foreignVariables, settings, type Setting } from './all-sections.ts';
import { checkCombinations } from './check-combinations.ts';
import { configView, type Config } from './config.ts';
import { settingOfFlag } from './parse-flags.ts';
import { checkedValue, unknownName } from './setting-messages.ts';
import { settingsInFile } from './settings-file.ts';
import { keepMistake, SettingsError, type Mistake } from './settings-mistakes.ts';

export type ConfigInput = {
  /** Text of `vectorstream.yaml`; `null` when there is none. */
  readonly yaml: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags by name without dashes, as `parseFlags` returns them. */
  readonly flags: ReadonlyMap<string, string>;
};

/**
 * Where a value came from. `override`: from the file that `PUT /config/{section}?persist=true`
 * writes; `request`: from a PUT without `persist`.
 */
export type Origin = 'default' | 'file' | 'environment' | 'flag' | 'override' | 'request';
/** Settings by `section.name`. */
export type Resolved = ReadonlyMap<string, { readonly value: unknown; readonly origin: Origin }>;

/**
 * Defaults < file < environment < flags. Pure.
 *
 * @throws SettingsError with every mistake; its message has a line for each.
 */
export function parseConfig(input: ConfigInput): Config {
  return configOf(parseSettings(input));
}

/**
 * Each setting with its checked value and its origin. `configOf` then checks them against each
 * other.
 *
 * @throws SettingsError
 */
export function parseSettings(input: ConfigInput): Resolved {
  const file = settingsInFile(input.yaml);
  const mistakes: Mistake[] = [...file.mistakes, ...unknownVariables(input.env)];
  const given = new Map<string, Given>();
  for (const { setting, value, line } of file.found)
    given.set(setting.path, { value, from: setting.path, origin: 'file', line });
  for (const [setting, value] of settingsInEnvironment(input.env))
    given.set(setting.path, { value, from: setting.variable, origin: 'environment', line: null });
  for (const [name, value] of input.flags) {
    const known = keepMistake(mistakes, null, () => settingOfFlag(name));
    if (known !== null)
      given.set(known.value.path, { value, from: `--${name}`, origin: 'flag', line: null });
  }
  const resolved = new Map<string, { readonly value: unknown; readonly origin: Origin }>();
  for (const setting of settings) {
    const { path, key } = setting;
    const { value, from, origin, line } = given.get(path) ?? {
      value: key.default,
      from: null,
      origin: 'default' as const,
      line: null,
    };
    const checked =
      from === null
        ? { value }
        : keepMistake(mistakes, line, () => checkedValue(setting, value, from));
    if (checked !== null) resolved.set(path, { value: checked.value, origin });
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes);
  return resolved;
}

type Given = {
  readonly value: unknown;
  /** The name under which it was given. */
  readonly from: string;
  readonly origin: Origin;
  readonly line: number | null;
};

/**
 * The settings in a file of overrides, by `section.name`.
 *
 * @throws SettingsError
 */
export function parseOverrides(yaml: string): ReadonlyMap<string, unknown> {
  const { found, mistakes } = settingsInFile(yaml);
  const all: Mistake[] = [...mistakes];
  const values = new Map<string, unknown>();
  for (const { setting, value, line } of found) {
    const kept = keepMistake(all, line, () => {
      if (!setting.key.live)
        throw new UsageError(
          `${setting.path} cannot be overridden: ` +
            'it is set by file, environment or flag, and takes effect at the start.',
        );
      return checkedValue(setting, value, setting.path);
    });
    if (kept !== null) values.set(setting.path, kept.value);
  }
  if (all.length > 0) throw new SettingsError(all);
  return values;
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
}

function unknownVariables(env: ConfigInput['env']): readonly Mistake[] {
  const known = [...settings.map(({ variable }) => variable), ...foreignVariables];
  return Object.keys(env)
    .filter((name) => name.startsWith('VECTORSTREAM_') && !known.includes(name))
    .map((name) => ({ message: unknownName('variable', name, known).message, line: null }));
}
