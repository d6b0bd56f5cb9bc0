// Reads single settings of a runner; a wrong value gets an error of one clear line.

import { UsageError } from '#core/errors/errors.ts';

/** The value of a flag or variable, with its name for error messages. */
export type Setting = { readonly name: string; readonly value: string };

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds a setting: the flag, else the variable, else the default. An empty variable is ignored. */
export function settingReader<F extends string>(
  flags: Readonly<{ [name in F]?: string | undefined }>,
  environment: Environment,
) {
  return (flag: F, variable: string | null, fallback: string): Setting => {
    const fromFlag = flags[flag];
    if (fromFlag !== undefined) return { name: `--${flag}`, value: fromFlag };
    return {
      name: variable ?? `--${flag}`,
      value: (variable === null ? undefined : environment[variable]) || fallback,
    };
  };
}

/** @throws UsageError */
export function logSettings(
  environment: Environment,
  terminal: boolean,
): { readonly logLevel: string; readonly logFormat: 'json' | 'pretty' } {
  return {
    logLevel: oneOf({ name: 'LOG_LEVEL', value: environment['LOG_LEVEL'] || 'info' }, logLevels),
    logFormat: oneOf(
      { name: 'LOG_FORMAT', value: environment['LOG_FORMAT'] || (terminal ? 'pretty' : 'json') },
      ['json', 'pretty'] as const,
    ),
  };
}

/** @throws UsageError */
export function oneOf<T extends string>({ name, value }: Setting, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw new UsageError(`${name} is "${value}": expected one of ${allowed.join(', ')}.`);
  return found;
}

/** @throws UsageError */
export function countOrAuto({ name, value }: Setting, max = 256): number | 'auto' {
  if (value === 'auto') return 'auto';
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1 || count > max)
    throw new UsageError(
      `${name} is "${value}": expected auto or a whole number from 1 to ${max}.`,
    );
  return count;
}

/** @throws UsageError */
export function numberFrom({ name, value }: Setting, min: number, max: number): number {
  const number = Number(value);
  if (!(number >= min && number <= max))
    throw new UsageError(`${name} is "${value}": expected a number from ${min} to ${max}.`);
  return number;
}

/** URLs separated by commas, each once, at least one. @throws UsageError */
export function gatewayUrls(
  { name, value }: Setting,
  schemes: readonly string[] = ['ws', 'wss'],
): readonly string[] {
  const urls = value
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  // URLs are logged, so they must not contain a secret.
  const secretive = urls.find((url) => URL.canParse(url) && /[@?#]/.test(url));
  if (secretive !== undefined)
    throw new UsageError(
      `${name} has an address with a user, a password, a query or a fragment ` +
        `(at ${new URL(secretive).host}): the token goes in VECTORSTREAM_RUNNER_TOKEN.`,
    );
  const wrong = urls.find(
    (url) => !URL.canParse(url) || !schemes.includes(new URL(url).protocol.slice(0, -1)),
  );
  if (urls.length === 0 || wrong !== undefined)
    throw new UsageError(
      `${name} is "${wrong ?? value}": ` +
        'expected addresses such as ws://127.0.0.1:8080 or wss://host.',
    );
  return [...new Set(urls)];
}
