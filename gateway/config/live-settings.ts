// Holds the settings while the gateway runs: whoever reads one reads what it is now, and some can
// be changed, all of a request or none.

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { settings, type Setting } from './config-schema.ts';
import {
  checked,
  completed,
  parseOverrides,
  parseSettings,
  unknown,
  type Config,
  type ConfigInput,
  type Origin,
  type Resolved,
} from './config.ts';

/** A setting cannot change while the gateway runs. */
export class RestartNeededError extends UsageError {}

/**
 * In the data folder: what `PUT /config/{section}?persist=true` asked for, over file, environment
 * and flags.
 */
const overridesFile = 'overrides.yaml';

export class Settings {
  /**
   * A view: each member answers with the value of the moment, so that what may change live is read
   * where it is used.
   */
  readonly config: Config;
  /** As file, environment and flags have them. */
  readonly #given: Resolved;
  readonly #persisted = new Map<string, unknown>();
  /** Changed until the next restart. */
  readonly #passing = new Map<string, unknown>();
  #current: Resolved;
  readonly #listeners: (() => void)[] = [];
  #writing: Promise<void> = Promise.resolve();

  /** Throws `UsageError`. */
  constructor(input: ConfigInput) {
    this.#given = parseSettings(input);
    completed(this.#given);
    this.#current = this.#given;
    this.config = this.#view();
  }

  /**
   * Takes what was persisted in the data folder. Returns the names of the settings; throws
   * `UsageError` when they cannot be used.
   */
  async loadOverrides(): Promise<readonly string[]> {
    const file = this.#file();
    const yaml = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
    });
    try {
      for (const [path, value] of parseOverrides(yaml)) this.#persisted.set(path, value);
      this.#take(this.#resolved(this.#persisted, this.#passing));
    } catch (error) {
      throw new UsageError(
        `${file}: ${error instanceof Error ? error.message : String(error)} Correct or delete the file.`,
        { cause: error },
      );
    }
    return [...this.#persisted.keys()];
  }

  origin(setting: Setting): Origin {
    return this.#current.get(setting.path)?.origin ?? 'default';
  }

  /** After each change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Sets what `values` names in one section, all of it or nothing; `null` takes back what an
   * earlier change had set. With `persist` it holds after a restart, too. Throws `UsageError` for
   * what is not allowed, `RestartNeededError` for what cannot change live.
   */
  async change(
    section: string,
    values: Readonly<Record<string, unknown>>,
    persist: boolean,
  ): Promise<void> {
    const before = this.#writing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writing = promise;
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
    const passing = new Map(this.#passing);
    const named = Object.entries(values).map(([name, value]) => ({
      setting: settingOf(section, name),
      value,
    }));
    const fixed = named
      .filter(({ setting }) => !setting.key.live)
      .map(({ setting }) => setting.path);
    if (fixed.length > 0)
      throw new RestartNeededError(
        `${fixed.join(' and ')} cannot change while the gateway runs: set ${fixed.length === 1 ? 'it' : 'them'} by file, environment or flag, and restart.`,
      );
    for (const { setting, value } of named) {
      passing.delete(setting.path);
      const target = persist ? persisted : passing;
      if (value !== null) target.set(setting.path, checked(setting, value, setting.path));
      else if (persist) persisted.delete(setting.path);
    }
    const next = this.#resolved(persisted, passing);
    completed(next);
    if (persist) await this.#write(persisted);
    replace(this.#persisted, persisted);
    replace(this.#passing, passing);
    this.#take(next);
    for (const listener of this.#listeners) listener();
  }

  #resolved(
    persisted: ReadonlyMap<string, unknown>,
    passing: ReadonlyMap<string, unknown>,
  ): Resolved {
    return new Map([
      ...this.#given,
      ...[...persisted].map(
        ([path, value]) => [path, { value, origin: 'override' as const }] as const,
      ),
      ...[...passing].map(
        ([path, value]) => [path, { value, origin: 'request' as const }] as const,
      ),
    ]);
  }

  #take(next: Resolved): void {
    completed(next);
    this.#current = next;
  }

  /** A crash in between leaves the old file. */
  async #write(persisted: ReadonlyMap<string, unknown>): Promise<void> {
    const file = this.#file();
    if (persisted.size === 0) return rm(file, { force: true });
    const sections: Record<string, Record<string, unknown>> = {};
    for (const { section, name, path } of settings)
      if (persisted.has(path)) (sections[section] ??= {})[name] = persisted.get(path);
    await writeFile(
      `${file}.new`,
      `# Written by PUT /config/{section}?persist=true. Goes over file, environment and flags.\n${stringify(sections)}`,
      { mode: 0o600 },
    );
    await rename(`${file}.new`, file);
  }

  #file(): string {
    return join(this.config.gateway.dataDir, overridesFile);
  }

  #view(): Config {
    const view: Record<string, object> = {};
    for (const { section, name, path } of settings) {
      Object.defineProperty((view[section] ??= {}), name, {
        enumerable: true,
        get: () => this.#current.get(path)?.value,
      });
    }
    // Every key of the schema is there, and what it gets has passed its check.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return view as Config;
  }
}

function settingOf(section: string, name: string): Setting {
  const ofSection = settings.filter((setting) => setting.section === section);
  const setting = ofSection.find((candidate) => candidate.name === name);
  if (setting === undefined)
    throw unknown(
      'setting',
      `${section}.${name}`,
      ofSection.map(({ path }) => path),
    );
  return setting;
}

function replace<V>(target: Map<string, V>, source: ReadonlyMap<string, V>): void {
  target.clear();
  for (const [key, value] of source) target.set(key, value);
}
