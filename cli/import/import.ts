// `npm run import`: imports an event log into a gateway, through a column mapping, and accounts for
// every line.

import { join } from 'node:path';
import { systemClock as clock } from '#core/time/clock.ts';
import { startingReason } from '../gateway/gateway-readiness.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { importCommand } from './import-flags.ts';
import { runImport } from './import-run.ts';
import { createScreen } from './import-screen.ts';
import { connectTarget } from './import-target.ts';
import { logPaths } from './log-paths.ts';
import { SharedTarget } from './shared-target.ts';

const gatewayScript = join(import.meta.dirname, '../../gateway/main.ts');
/** The time that batches in flight have after Ctrl-C to be acknowledged. */
const graceMs = 3000;

await runCommand(importCommand, process.argv.slice(2), async (flags, named) => {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(() => interrupt.trigger());
  const screen = createScreen(clock);
  // One gateway for all files, even one that is started here.
  await using target = new SharedTarget((url, dataDir) =>
    connectTarget({
      url,
      dataDir,
      clock,
      environment: process.env,
      gatewayScript,
      stop: interrupt.stop,
      abandon: interrupt.abandon,
      say: screen.say,
      onWait: (reason) =>
        screen.note(
          `Waiting: ${reason.startsWith(startingReason) ? 'the gateway starts' : reason} …`,
        ),
    }),
  );
  try {
    const paths = await logPaths(named);
    for (const path of paths) {
      if (paths.length > 1) screen.say(`\n${path}`);
      const code = await runImport(path, flags, {
        clock,
        signal: interrupt.stop,
        say: screen.say,
        progress: screen.progress,
        dataDir: process.env['VECTORSTREAM_DATA_DIR'] ?? '.vectorstream',
        connect: (url, dataDir) => target.connect(url, dataDir),
      });
      if (code !== 0) return code;
    }
    return 0;
  } finally {
    screen.end();
  }
});
