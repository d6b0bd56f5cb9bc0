// Holds the settings while the gateway runs: every read returns the present value, and a request
// changes all of the settings that it names, or none.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { replaceFile } from '../../system/replace-file.ts';
import { settings, type Setting } from './all-sections.ts';
import { configView, type Config } from './config.ts';
import {
  configOf,
  parseOverrides,
  parseSettings,
  type ConfigInput,
  type Origin,
  type Resolved,
} from './parse-config.ts';
import { checkedValue, unknownName } from './setting-messages.ts';

/** A setting cannot change while the gateway runs. */
export class RestartNeededError extends UsageError {}

/**
 * The file in the data folder with what `PUT /config/{section}?persist=true` set. It overrides
 * settings file, environment and flags.
 */
const overridesFile = 'overrides.yaml';

export class Settings {
  /**
   * A view: each member returns the present value, so that live settings are read where they are
   * used.
   */
  readonly config: Config;
  /** Settings from file, environment and flags. */
  readonly #given: Resolved;
  readonly #persisted = new Map<string, unknown>();
  /** Changed until the next restart. */
  readonly #unpersisted = new Map<string, unknown>();
  #current: Resolved;
  readonly #listeners: (() => void)[] = [];
  /** The last change: changes wait for each other. */
  #changing: Promise<void> = Promise.resolve();

  /**
   * @param fixed values that count more than those of the input, by `section.name`
   * @throws UsageError
   */
  constructor(input: ConfigInput, fixed: ReadonlyMap<string, unknown> = new Map()) {
    const given = new Map(parseSettings(input));
    for (const [path, value] of fixed) given.set(path, { value, origin: 'flag' });
    this.#given = given;
    configOf(this.#given);
    this.#current = this.#given;
    this.config = configView((path) => this.#current.get(path)?.value);
  }

  /**
   * Applies what was persisted in the data folder. Returns the paths of these settings.
   *
   * @throws UsageError when they cannot be used.
   */
  async loadOverrides(): Promise<readonly string[]> {
    const file = this.#file();
    const yaml = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
    });
    try {
      for (const [path, value] of parseOverrides(yaml)) this.#persisted.set(path, value);
      this.#current = this.#resolved(this.#persisted, this.#unpersisted);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new UsageError(`${file}: ${message} Correct or delete the file.`, { cause: error });
    }
    return [...this.#persisted.keys()];
  }

  origin(setting: Setting): Origin {
    return this.#current.get(setting.path)?.origin ?? 'default';
  }

  /** The listener is called after each change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Sets the settings of one section that `values` names: all of them, or none. `null` removes what
   * an earlier change had set. With `persist`, the change also holds after a restart.
   *
   * @throws UsageError for a value or a name that is not allowed.
   * @throws RestartNeededError for a setting that cannot change live.
   */
  async change(
    section: string,
    values: Readonly<Record<string, unknown>>,
    persist: boolean,
  ): Promise<void> {
    const before = this.#changing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#changing = promise;
    await before;
    try {
      await this.#change(section, values, persist);
    } finally {
      resolve();
    }
  }

  async #change(
    section: string,
    values: Readonly<Record<string, unknown>>,
    persist: boolean,
  ): Promise<void> {
    const persisted = new Map(this.#persisted);
    const unpersisted = new Map(this.#unpersisted);
    const named = Object.entries(values).map(([name, value]) => ({
      setting: settingOf(section, name),
      value,
    }));
    refuseFixed(named.map(({ setting }) => setting));
    for (const { setting, value } of named) {
      unpersisted.delete(setting.path);
      const target = persist ? persisted : unpersisted;
      if (value !== null) target.set(setting.path, checkedValue(setting, value, setting.path));
      else if (persist) persisted.delete(setting.path);
    }
    const next = this.#resolved(persisted, unpersisted);
    if (persist) await this.#write(persisted);
    replace(this.#persisted, persisted);
    replace(this.#unpersisted, unpersisted);
    this.#current = next;
    for (const listener of this.#listeners) listener();
  }

  /** @throws UsageError when the values do not fit together. */
  #resolved(
    persisted: ReadonlyMap<string, unknown>,
    unpersisted: ReadonlyMap<string, unknown>,
  ): Resolved {
    const resolved = new Map(this.#given);
    for (const [path, value] of persisted) resolved.set(path, { value, origin: 'override' });
    for (const [path, value] of unpersisted) resolved.set(path, { value, origin: 'request' });
    configOf(resolved);
    return resolved;
  }

  /** A crash before the end leaves the old file. */
  async #write(persisted: ReadonlyMap<string, unknown>): Promise<void> {
    const file = this.#file();
    if (persisted.size === 0) return rm(file, { force: true });
    const sections: Record<string, Record<string, unknown>> = {};
    for (const { section, name, path } of settings)
      if (persisted.has(path)) (sections[section] ??= {})[name] = persisted.get(path);
    await replaceFile(
      file,
      '# Written by PUT /config/{section}?persist=true. Goes over file, environment and flags.\n' +
        stringify(sections),
    );
  }

  #file(): string {
    return join(this.config.gateway.dataDir, overridesFile);
  }
}

function settingOf(section: string, name: string): Setting {
  const ofSection = settings.filter((setting) => setting.section === section);
  const setting = ofSection.find((candidate) => candidate.name === name);
  if (setting === undefined)
    throw unknownName(
      'setting',
      `${section}.${name}`,
      ofSection.map(({ path }) => path),
    );
  return setting;
}

function refuseFixed(changed: readonly Setting[]): void {
  const fixed = changed.filter(({ key }) => !key.live).map(({ path }) => path);
  if (fixed.length === 0) return;
  throw new RestartNeededError(
    `${fixed.join(' and ')} cannot change while the gateway runs: ` +
      `set ${fixed.length === 1 ? 'it' : 'them'} by file, environment or flag, and restart.`,
  );
}

function replace<V>(target: Map<string, V>, source: ReadonlyMap<string, V>): void {
  target.clear();
  for (const [key, value] of source) target.set(key, value);
}
