// Reads the flags of the command line, and names every one that does not exist.

import { at } from '#core/errors/assert.ts';
import { UsageError } from '#core/errors/errors.ts';
import { settings, type Setting } from './all-sections.ts';
import { show, unknownName } from './setting-messages.ts';
import { keepMistake, SettingsError, type Mistake } from './settings-mistakes.ts';

export type Flags = {
  readonly help: boolean;
  readonly version: boolean;
  /** `--config FILE`. */
  readonly configFile: string | null;
  /** Values of settings, by flag without dashes. */
  readonly flags: ReadonlyMap<string, string>;
};

/**
 * Reads `--name value` and `--name=value`.
 *
 * @throws UsageError, a `SettingsError` for names that do not exist
 */
export function parseFlags(argv: readonly string[]): Flags {
  const flags = new Map<string, string>();
  const mistakes: Mistake[] = [];
  let [help, version] = [false, false];
  for (let i = 0; i < argv.length; i += 1) {
    const word = at(argv, i);
    if (word === '--help' || word === '-h') {
      help = true;
      continue;
    }
    if (word === '--version') {
      version = true;
      continue;
    }
    if (!word.startsWith('--'))
      throw new UsageError(
        `Unexpected argument ${show(word)}: settings are given as --name value; --help lists them.`,
      );
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    if (name !== 'config') keepMistake(mistakes, null, () => settingOfFlag(name));
    const value = equals < 0 ? argv[(i += 1)] : word.slice(equals + 1);
    if (value === undefined || (name === 'config' && value === '')) {
      if (mistakes.length > 0) break;
      throw new UsageError(`--${name} needs a value; --help lists what is allowed.`);
    }
    flags.set(name, value);
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes);
  const configFile = flags.get('config') ?? null;
  flags.delete('config');
  return { help, version, configFile, flags };
}

/** @throws UsageError when no setting has this flag. */
export function settingOfFlag(name: string): Setting {
  const setting = settings.find(({ flag }) => flag === name);
  if (setting !== undefined) return setting;
  const flags = [
    ...settings.flatMap(({ flag }) => (flag === null ? [] : [`--${flag}`])),
    '--config',
    '--help',
    '--version',
  ];
  throw unknownName('flag', `--${name}`, flags);
}
