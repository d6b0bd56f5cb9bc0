// `npm run evaluate -- recommend FILE…`: how good recommendations are on a real log.

import { systemClock as clock } from '#core/time/clock.ts';
import { choice, runCommand } from '../flags.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { evaluateCommand } from './evaluate-flags.ts';
import { runEvaluation } from './run-evaluation.ts';

await runCommand(evaluateCommand, process.argv.slice(2), async (values, [what = '', ...files]) => {
  tolerateClosedPipes(() => process.exit(130));
  choice(['recommend'], null, '').read(what, 'what to evaluate', null);
  return runEvaluation(files, values, {
    clock,
    apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
    progress: process.stderr,
    say: (line) => process.stdout.write(`${line}\n`),
  });
});
