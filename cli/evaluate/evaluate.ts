// `npm run evaluate`: how good recommendations are on a real log, and searches on graded queries.

import { readFile } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';
import { systemClock as clock } from '#core/time/clock.ts';
import { choice } from '../flags.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { evaluateCommand } from './evaluate-flags.ts';
import { evaluateSearch } from './evaluate-search.ts';
import { runEvaluation } from './run-evaluation.ts';

await runCommand(evaluateCommand, process.argv.slice(2), async (values, [what = '', ...files]) => {
  tolerateClosedPipes(() => process.exit(130));
  choice(['recommend', 'search'], null, '').read(what, 'what to evaluate', null);
  const context = {
    clock,
    apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
    progress: process.stderr,
    say: (line: string) => process.stdout.write(`${line}\n`),
  };
  if (what === 'recommend') return runEvaluation(files, values, context);
  const [file, ...others] = files;
  if (file === undefined || others.length > 0)
    throw new UsageError('evaluate search takes one file of queries.');
  return evaluateSearch(await textOf(file), values, context);
});

function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${file} cannot be read.`, { cause });
  });
}
