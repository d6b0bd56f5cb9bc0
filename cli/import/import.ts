// `npm run import`: imports an event log into a gateway, through a column mapping, and accounts for
// every line.

import { join } from 'node:path';
import { systemClock as clock } from '#core/time/clock.ts';
import { connectGateway } from '../gateway/gateway-connection.ts';
import { startingReason } from '../gateway/gateway-readiness.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { importCommand, type ImportFlags } from './import-flags.ts';
import { importProducts } from './import-products.ts';
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
      if (flags.as === 'products') {
        const code = await importProducts({
          path,
          dialect: {
            delimiter: flags.delimiter,
            quote: flags.quote,
            encoding: flags.encoding,
            skipLines: flags['skip-lines'],
          },
          client: flags['dry-run'] ? null : await clientOf(flags, target),
          say: screen.say,
          now: clock.now(),
        });
        if (code !== 0) return code;
        continue;
      }
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

async function clientOf(flags: ImportFlags, target: SharedTarget) {
  const dataDir = flags['data-dir'] ?? process.env['VECTORSTREAM_DATA_DIR'] ?? '.vectorstream';
  const { url } = await target.connect(flags.target, dataDir);
  return connectGateway({
    url,
    apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
    retryForMs: 60_000,
    onWait: () => undefined,
  }).client;
}
