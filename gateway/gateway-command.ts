// Reads the settings once, runs the gateway until told to stop, and ends in one line whatever goes
// wrong.

import { readFile } from 'node:fs/promises';
import { IndexMismatchError, UsageError, VectorStreamError } from '#core/errors/errors.ts';
import { helpText } from './config/config-help.ts';
import { parseFlags } from './config/config.ts';
import { Settings } from './config/live-settings.ts';
import { startGateway } from './gateway.ts';
import { createLog } from './telemetry/gateway-log.ts';

/**
 * 130 and 143: how a shell reports an end by Ctrl-C and by SIGTERM; used only for the second,
 * impatient signal.
 */
const impatientExitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs until a signal ends the process; returns at once for `--help`. */
export async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  let withTrace = false;
  try {
    const { help, configFile, flags } = parseFlags(argv);
    if (help) return void process.stdout.write(helpText());
    const settings = new Settings({
      yaml: await settingsFile(configFile),
      env: environment,
      flags,
    });
    const overridden = await settings.loadOverrides();
    withTrace = ['debug', 'trace'].includes(settings.config.logging.level);
    await run(settings, overridden, environment);
  } catch (error) {
    process.stderr.write(`${lastWords(error, withTrace)}\n`);
    process.exit(error instanceof UsageError || error instanceof IndexMismatchError ? 2 : 1);
  }
}

/**
 * One line, unless a trace was asked for: what a person can put right says how; anything else says
 * how to see more.
 */
export function lastWords(error: unknown, withTrace: boolean): string {
  if (withTrace && error instanceof Error) return error.stack ?? error.message;
  const message = (error instanceof Error ? error.message : String(error)).replaceAll(
    /\s*\n\s*/g,
    ' ',
  );
  return error instanceof VectorStreamError
    ? message
    : `The gateway cannot start: ${message} (LOG_LEVEL=debug shows where)`;
}

async function run(
  settings: Settings,
  overridden: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { config } = settings;
  const secrets = new Set(
    [config.gateway.apiKey, config.runners.token].filter((secret) => secret !== null),
  );
  const log = createLog({ ...config.logging, secrets, destination: null });
  const fatal = (error: unknown): void => {
    log.fatal(
      error instanceof VectorStreamError
        ? { code: error.code, reason: error.message }
        : { err: error },
      'the gateway cannot go on',
    );
    process.exit(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);

  // Started by another program (the demo, an import) that is gone, however it ended, perhaps before
  // this line.
  let orphaned = endAtOnce;
  process.on('disconnect', () => orphaned());
  if (process.send !== undefined && !process.connected) orphaned();

  if (overridden.length > 0)
    log.info(
      { settings: overridden },
      'settings that were persisted go over file, environment and flags',
    );
  const gateway = await startGateway(settings, { log, secrets, environment, onFatal: fatal });

  let stopping = false;
  const stop = (why: string): void => {
    stopping = true;
    log.info({ why }, 'stopping');
    gateway.close().then(() => process.exit(0), fatal);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (stopping ? process.exit(impatientExitCodes[signal]) : stop(signal)));
  }
  orphaned = () => stop('the program that started it is gone');
  // Nobody may be there to hear it.
  process.send?.({ type: 'listening', url: gateway.url }, undefined, undefined, () => undefined);
}

/** While the gateway starts: it has taken nothing in that would have to be finished. */
function endAtOnce(): void {
  process.exit(0);
}

/** `vectorstream.yaml` may be absent; a file that was asked for may not. */
async function settingsFile(asked: string | null): Promise<string | null> {
  try {
    return await readFile(asked ?? 'vectorstream.yaml', 'utf8');
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (absent && asked === null) return null;
    throw new UsageError(
      `${asked ?? 'vectorstream.yaml'} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
