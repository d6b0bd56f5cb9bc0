// Runs a command: reads its flags, and turns its result or its error into output and exit code.

import { UsageError } from '#core/errors/errors.ts';
import packageJson from '../package.json' with { type: 'json' };
import { parseFlags, type Command, type Flags, type FlagValues } from './flags.ts';
import { helpText } from './help-text.ts';

/**
 * Runs a command's `main` and sets the exit code to what it resolves to. An error is one line on
 * stderr, with exit code 2 for a `UsageError` and 1 for any other.
 */
export async function runCommand<F extends Flags>(
  command: Command<F>,
  args: readonly string[],
  main: (values: FlagValues<F>, operands: readonly string[]) => Promise<number>,
): Promise<void> {
  try {
    const parsed = parseFlags(command, args);
    if (parsed === 'help') process.stdout.write(helpText(command));
    else if (parsed === 'version') process.stdout.write(`${packageJson.version}\n`);
    else process.exitCode = await main(parsed.values, parsed.operands);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
