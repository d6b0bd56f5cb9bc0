// The wording of errors about settings: one line each, without secrets.

import { UsageError } from '#core/errors/errors.ts';
import type { Setting } from './all-sections.ts';
import { closestName } from './closest-name.ts';

/**
 * The value, if it passes the check of its setting.
 *
 * @param from the name under which it was given: a path, a variable or a flag.
 * @throws UsageError that says what is allowed.
 */
export function checkedValue(setting: Setting, value: unknown, from: string): unknown {
  const result = setting.key.check(value);
  if (result.ok) return result.value;
  throw new UsageError(
    `${from} is ${setting.key.secret ? '[redacted]' : show(value)}; ` +
      `allowed: ${setting.key.allowed}.`,
  );
}

/** The error for a name that does not exist; it suggests the most similar one that does. */
export function unknownName(kind: string, name: string, known: readonly string[]): UsageError {
  const closest = closestName(name, known);
  const hint =
    closest === null
      ? 'vectorstream.example.yaml lists what is allowed'
      : `did you mean ${closest}?`;
  // It may be a line of an environment file, `NAME=value`: the value is not shown.
  return new UsageError(`Unknown ${kind} ${show(name.replace(/=.*/s, '=…'))}: ${hint}`);
}

/** A value as JSON, in one line of at most about 80 characters, without passwords in addresses. */
export function show(value: unknown): string {
  let json: string;
  try {
    json = JSON.stringify(value) ?? typeof value;
  } catch {
    // An alias in YAML can make a value that contains itself.
    json = 'a value that contains itself';
  }
  // An address may not contain a user or password, but somebody may have written one:
  // `http://user:password@host`.
  json = json.replaceAll(
    /\/\/[^/@\s"]*@|(?<=[",])[^/@\s",]*:[^/@\s",]*@/g,
    (found) => `${found.startsWith('//') ? '//' : ''}[redacted]@`,
  );
  return oneLine(json.length > 80 ? `${json.slice(0, 80)}…` : json);
}

/**
 * The message in one line, without characters that control a terminal or change the direction of
 * writing; JSON leaves some of them in place.
 */
export function oneLine(message: string): string {
  return message.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
