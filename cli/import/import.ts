// `npm run import`: imports an event log into a gateway, through a column mapping, and accounts for
// every line.

import { systemClock as clock } from '#core/time/clock.ts';
import { runCommand } from '../flags.ts';
import { startingReason } from '../gateway/gateway-readiness.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { importCommand } from './import-flags.ts';
import { runImport } from './import-run.ts';
import { createScreen } from './import-screen.ts';
import { connectTarget } from './import-target.ts';

/** After Ctrl-C, batches in flight have this long to be acknowledged. */
const graceMs = 3000;

await runCommand(importCommand, process.argv.slice(2), async (flags, [path = '']) => {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(() => interrupt.trigger());
  const screen = createScreen(clock);
  try {
    return await runImport(path, flags, {
      clock,
      signal: interrupt.stop,
      say: screen.say,
      progress: screen.progress,
      dataDir: process.env['VECTORSTREAM_DATA_DIR'] ?? '.vectorstream',
      connect: (url, dataDir) =>
        connectTarget({
          url,
          dataDir,
          clock,
          environment: process.env,
          stop: interrupt.stop,
          abandon: interrupt.abandon,
          say: screen.say,
          onWait: (reason) =>
            screen.note(
              `Waiting: ${reason.startsWith(startingReason) ? 'the gateway starts' : reason} …`,
            ),
        }),
    });
  } finally {
    screen.end();
  }
});
