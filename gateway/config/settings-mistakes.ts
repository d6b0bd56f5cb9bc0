// Collects all mistakes of the settings, so that a person corrects them in one go.

import { UsageError } from '#core/errors/errors.ts';

export type Mistake = {
  /** What is wrong and what is allowed, in one line without secrets. */
  readonly message: string;
  /** The line in the settings file, from 1; `null` for a mistake that is not in it. */
  readonly line: number | null;
};

/** Its message has one line for each mistake. */
export class SettingsError extends UsageError {
  readonly mistakes: readonly Mistake[];
  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map(({ message }) => message).join('\n'));
    this.mistakes = mistakes;
  }

  /** `vectorstream.yaml:3: gateway.port is …` for a mistake in that file. */
  located(file: string): string {
    return this.mistakes
      .map(({ message, line }) => (line === null ? message : `${file}:${line}: ${message}`))
      .join('\n');
  }
}

/**
 * Returns what `run` returns. When it throws a UsageError, keeps it in `mistakes` and returns
 * `null`.
 */
export function keepMistake<T>(
  mistakes: Mistake[],
  line: number | null,
  run: () => T,
): { readonly value: T } | null {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof SettingsError) mistakes.push(...error.mistakes);
    else if (error instanceof UsageError) mistakes.push({ message: error.message, line });
    else throw error;
    return null;
  }
}
