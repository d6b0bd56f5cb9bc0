// Chooses how this machine embeds best and keeps its runners joined to the gateway until it is
// stopped. Any failure ends with a one-line message.

import { hostname } from 'node:os';
import { isatty } from 'node:tty';
import { candidateRounds } from '#core/runner/device-candidates.ts';
import { runUntilStopped } from '#core/runner/run-until-stopped.ts';
import { supervise } from '#core/runner/supervisor.ts';
import { systemClock } from '#core/time/clock.ts';
import packageJson from '../package.json' with { type: 'json' };
import { graphBytesOf } from './graph-files.ts';
import { describeMachine, platformOf } from './machine.ts';
import { chooseCandidates } from './measured-choice.ts';
import { openConfiguredModel } from './model-folder.ts';
import { createLog } from './node-runner-log.ts';
import { help, parseOptions, type RunnerOptions } from './node-runner-options.ts';
import { layoutOf } from './process-layout.ts';
import { startWorker } from './worker-process.ts';

/** Leaves time to close connections within the 5 s that Ctrl-C may take. */
const drainMsMax = 4_000;

export async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  // The program that started this one has ended, perhaps before this line runs.
  process.on('disconnect', () => process.exit());
  if (process.send !== undefined && !process.connected) process.exit();

  process.exitCode = await runUntilStopped(process, hasTerminal(), async (stop) => {
    const options = parseOptions(argv, environment, {
      hostName: hostname(),
      terminal: process.stdout.isTTY,
    });
    if (options === 'help') process.stdout.write(`${help}\n`);
    else if (options === 'version') process.stdout.write(`${packageJson.version}\n`);
    else await run(options, stop);
  });
  // The channel to the program that started this one would keep the process alive.
  if (process.connected) process.disconnect();
}

const hasTerminal = (): boolean => [0, 1, 2].some((descriptor) => isatty(descriptor));

async function run(options: RunnerOptions, stop: AbortSignal): Promise<void> {
  const log = createLog({
    level: options.logLevel,
    format: options.logFormat,
    fields: { runner: options.name },
  });
  const machine = describeMachine();
  const modelFolder = await openConfiguredModel(
    options,
    (manifest) =>
      candidateRounds(manifest, options, platformOf(machine))
        .flat()
        .map(({ dtype }) => dtype),
    stop,
  );
  const candidates = await chooseCandidates(options, modelFolder, machine, log, stop);
  const graphBytes = new Map(
    await Promise.all(
      candidates.map(
        async ({ dtype }) =>
          [
            dtype,
            await graphBytesOf(modelFolder.folder, modelFolder.model.manifest, dtype),
          ] as const,
      ),
    ),
  );
  await supervise({
    candidates,
    layoutFor: ({ device, dtype }) =>
      layoutOf({
        device,
        graphBytes: graphBytes.get(dtype) ?? 0,
        cores: machine.cores,
        memoryBytes: machine.memoryBytes,
        runners: options.runners,
        threads: options.threads,
      }),
    start: (candidate, { threads }, slot) =>
      startWorker({
        ...candidate,
        threads,
        model: modelFolder.folder,
        measureMs: 0,
        gatewayUrls: [...options.gatewayUrls],
        dataDir: options.dataDir,
        name: `${options.name}-${slot + 1}`,
        logLevel: options.logLevel,
        logFormat: options.logFormat,
      }),
    clock: systemClock,
    log,
    signal: stop,
    drainMsMax,
  });
}
