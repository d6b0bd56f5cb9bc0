// `npm run import`: a real event log, through a column mapping, into a gateway; every line of it accounted for.
import { systemClock } from '#core/clock.ts';

import { runCommand } from './flags.ts';
import { importCommand } from './import/command.ts';
import { runImport } from './import/run.ts';

await runCommand(importCommand, process.argv.slice(2), async (flags, [path = '']) => {
  const stop = new AbortController();
  const onSignal = (): void => {
    // The first asks to stop in order; a second does not wait.
    if (stop.signal.aborted) process.exit(130);
    stop.abort(new Error('Stopped.'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return runImport(path, flags, {
    clock: systemClock, signal: stop.signal, dataDir: process.env['VECTORSTREAM_DATA_DIR'] ?? '.vectorstream',
    connect: () => Promise.reject(new Error('no gateway client')),
    say: (text) => void process.stdout.write(`${text}\n`),
    progress: () => {},
  });
});
