// Command-line flags, declared once with their bounds. Every wrong flag ends in one line that says
// what is allowed.

import { parseArgs } from 'node:util';
import { UsageError } from '#core/errors/errors.ts';

/**
 * One flag. `read` returns the value of its text; `before` is the value so far. It throws a
 * `UsageError` that names the flag.
 */
export type Flag<T> = {
  /** Represents the value in `--help`; `null` for a flag without a value. */
  readonly hint: string | null;
  readonly help: string;
  readonly fallback: T;
  /** The heading under which `--help` lists it. */
  readonly heading: string;
  /** What else in the environment decides it, for `--help`. */
  readonly variables: string | null;
  read(text: string, name: string, before: T): T;
};

export type Flags = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never;
};

export type Command<F extends Flags> = {
  /** What a person types, such as `npm run generate --`. */
  readonly usage: string;
  /** What it does, in a sentence or two. */
  readonly about: string;
  readonly flags: F;
  /**
   * Names of the arguments without a flag, such as `['FILE']`. All are required; the last may be
   * given several times if its name ends with `…`.
   */
  readonly operands: readonly string[];
  /** Variables without a flag, each with its meaning. */
  readonly variables: Readonly<Record<string, string>>;
};

/** Has `--help` list these flags together. */
export function section<F extends Flags>(heading: string, flags: F): F {
  const entries = Object.entries(flags).map(([name, flag]) => [name, { ...flag, heading }]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same flags with a heading
  return Object.fromEntries(entries) as F;
}

/** Has `--help` name the variables that decide when the flag is not given. */
export const orVariables = <T>(variables: string, flag: Flag<T>): Flag<T> => ({
  ...flag,
  variables,
});

/** The variables of every command that dials Kafka. */
export const kafkaVariables = {
  KAFKA_SSL: 'on, where the brokers need TLS',
  'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD':
    'the login, where the brokers need one',
};

const unlisted = { heading: 'Flags', variables: null };

export const toggle = (help: string): Flag<boolean> => ({
  ...unlisted,
  hint: null,
  help,
  fallback: false,
  read: () => true,
});

export const text = <T extends string | null>(
  hint: string,
  fallback: T,
  help: string,
): Flag<string | T> => ({
  ...unlisted,
  hint,
  help,
  fallback,
  read(value, name) {
    if (value === '') throw new UsageError(`--${name} needs a value: ${hint}.`);
    return value;
  },
});

export const choice = <const T extends string, D extends NoInfer<T> | null>(
  allowed: readonly T[],
  fallback: D,
  help: string,
): Flag<T | D> => ({
  ...unlisted,
  hint: allowed.join('|'),
  help,
  fallback,
  read(value, name) {
    const found = allowed.find((item) => item === value);
    if (found === undefined)
      throw new UsageError(`--${name} is "${value}"; allowed are ${allowed.join(', ')}.`);
    return found;
  },
});

/** The flag may be repeated, and may have several values separated by commas. */
export const texts = (hint: string, help: string): Flag<readonly string[]> => ({
  ...unlisted,
  hint,
  help,
  fallback: [],
  read(value, name, before) {
    const parts = value.split(',').map((part) => part.trim());
    if (parts.includes('')) throw new UsageError(`--${name} needs a value: ${hint}.`);
    return [...before, ...parts];
  },
});

/** A finite number in `min…max`; `integer` is the same for whole numbers. */
export const number = <T extends number | null>(
  hint: string,
  fallback: T,
  min: number,
  max: number,
  help: string,
): Flag<number | T> => ({
  ...unlisted,
  hint,
  help,
  fallback,
  read: (value, name) => readNumber(value, name, min, max, false),
});

export const integer = <T extends number | null>(
  hint: string,
  fallback: T,
  min: number,
  max: number,
  help: string,
): Flag<number | T> => ({
  ...unlisted,
  hint,
  help,
  fallback,
  read: (value, name) => readNumber(value, name, min, max, true),
});

/**
 * Returns `'help'` or `'version'` when the text of that flag is asked for instead.
 *
 * @throws UsageError for a wrong flag or argument
 */
export function parseFlags<F extends Flags>(
  command: Command<F>,
  args: readonly string[],
): { readonly values: FlagValues<F>; readonly operands: readonly string[] } | 'help' | 'version' {
  const options: Record<string, { type: 'boolean' | 'string'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  };
  for (const [name, flag] of Object.entries(command.flags))
    options[name] = { type: flag.hint === null ? 'boolean' : 'string' };
  // Not strict, because the messages of strict mode do not say what is allowed.
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });

  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(command.flags)) values[name] = flag.fallback;
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.name === 'version') return token.name;
    const flag = Object.hasOwn(command.flags, token.name) ? command.flags[token.name] : undefined;
    if (flag === undefined)
      throw new UsageError(
        `${token.rawName} is not a flag of this command; --help lists those that are.`,
      );
    if (flag.hint === null && token.value !== undefined)
      throw new UsageError(`--${token.name} takes no value, got "${token.value}".`);
    if (flag.hint !== null && token.value === undefined)
      throw new UsageError(`--${token.name} needs a value: ${flag.hint}.`);
    values[token.name] = flag.read(token.value ?? '', token.name, values[token.name]);
  }
  const missing = command.operands[positionals.length];
  if (missing !== undefined)
    throw new UsageError(`${missing} is missing: ${command.usage} ${command.operands.join(' ')}.`);
  const surplus = command.operands.at(-1)?.endsWith('…')
    ? undefined
    : positionals[command.operands.length];
  if (surplus !== undefined)
    throw new UsageError(
      `"${surplus}" is one argument too many; --help shows how this command is called.`,
    );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- filled above by the same flags
  return { values: values as FlagValues<F>, operands: positionals };
}

function readNumber(value: string, name: string, min: number, max: number, whole: boolean): number {
  const read = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(read) && read >= min && read <= max && (!whole || Number.isInteger(read)))
    return read;
  throw new UsageError(
    `--${name} is "${value}"; ` +
      `allowed is ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}.`,
  );
}
