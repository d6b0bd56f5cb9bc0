// All mistakes of the settings together, so that a person corrects them in one go.

import { UsageError } from '#core/errors/errors.ts';

export type Mistake = {
  /** What is wrong and what is allowed, in one line without secrets. */
  readonly message: string;
  /** In the settings file, from 1; `null` for one that is not in it. */
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

/** What `run` returns, or `null` when it throws a UsageError, which is then kept in `mistakes`. */
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
