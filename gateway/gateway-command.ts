// Reads the settings once, runs the gateway until a signal ends it, and reports any failure in one
// line.

import { readFile } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { IndexMismatchError, UsageError, VectorStreamError } from '#core/errors/errors.ts';
import packageJson from '../package.json' with { type: 'json' };
import { helpText } from './config/config-help.ts';
import type { Config } from './config/config.ts';
import { Settings } from './config/live-settings.ts';
import { parseFlags } from './config/parse-flags.ts';
import { SettingsError } from './config/settings-mistakes.ts';
import { startGateway } from './gateway.ts';
import { generatorOver, noGenerator } from './ingest/parent-generator.ts';
import { createLog } from './telemetry/gateway-log.ts';

/** Read from the working directory, if it is there. */
export const defaultSettingsFile = 'vectorstream.yaml';
/** A shell reports SIGINT with this code. A second Ctrl-C does not wait for the stop to finish. */
const secondInterruptExitCode = 130;

/** Runs until a signal ends the process; returns at once for `--help`. */
export async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  let withTrace = false;
  let file = defaultSettingsFile;
  try {
    const { help, version, configFile, flags } = parseFlags(argv);
    file = configFile ?? defaultSettingsFile;
    if (help) return void process.stdout.write(helpText());
    if (version) return void process.stdout.write(`${packageJson.version}\n`);
    const settings = new Settings({
      yaml: await readSettingsFile(configFile),
      env: environment,
      flags,
    });
    const overridden = await settings.loadOverrides();
    withTrace = ['debug', 'trace'].includes(settings.config.logging.level);
    await run(settings, overridden, environment);
  } catch (error) {
    process.stderr.write(
      error instanceof SettingsError
        ? `${error.located(file)}\n`
        : `${failureMessage(error, withTrace)}\n`,
    );
    process.exit(error instanceof UsageError || error instanceof IndexMismatchError ? 2 : 1);
  }
}

/**
 * One line, or the stack when a trace was asked for. An error that the operator can correct says
 * how; for any other the line says how to see more.
 */
export function failureMessage(error: unknown, withTrace: boolean): string {
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
  const secrets = secretsOf(config);
  const log = createLog({ ...config.logging, secrets, destination: null });
  const fatal = (error: unknown): void => {
    log.fatal(
      error instanceof VectorStreamError
        ? { code: error.code, reason: error.message }
        : { err: error },
      'the gateway cannot continue',
    );
    process.exit(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);

  // A program that started this one (the demo, an import) holds its IPC channel: when the program
  // has ended, perhaps already before this line, the gateway ends too.
  let onOrphaned = exitWhileStarting;
  process.on('disconnect', () => onOrphaned());
  if (process.send !== undefined && !process.connected) onOrphaned();

  if (overridden.length > 0)
    log.info({ settings: overridden }, 'persisted settings override file, environment and flags');
  const gateway = await startGateway(settings, {
    log,
    secrets,
    environment,
    generator: process.send === undefined ? noGenerator : generatorOver(process),
    onFatal: fatal,
  });

  let stopping = false;
  const stop = (why: string): void => {
    stopping = true;
    log.info({ why }, 'stopping');
    gateway.close().then(() => process.exit(0), fatal);
  };
  // A service manager may signal npm and the gateway, and npm passes it on: only a person means it
  // when a signal comes again.
  process.on('SIGINT', () => (stopping ? process.exit(secondInterruptExitCode) : stop('SIGINT')));
  process.on('SIGTERM', () => {
    if (!stopping) stop('SIGTERM');
  });
  // Without a terminal, as under nohup, the end of a terminal does not matter.
  const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  process.on('SIGHUP', () => {
    if (hasTerminal && !stopping) stop('SIGHUP');
  });
  onOrphaned = () => stop('the program that started it has ended');
  // That program may have ended meanwhile: a failure to send is ignored.
  process.send?.({ type: 'listening', url: gateway.url }, undefined, undefined, () => undefined);
}

/** What the log must not show; `startGateway` adds the tokens that it generates. */
export function secretsOf({
  gateway,
  runners,
  qdrant,
  kafka,
  schemaRegistry,
}: Config): Set<string> {
  const secrets = [
    gateway.apiKey,
    runners.token,
    qdrant.apiKey,
    kafka.saslPassword,
    schemaRegistry.password,
  ];
  return new Set(secrets.filter((secret) => secret !== null));
}

/** A gateway that still starts has accepted nothing that it would have to finish. */
function exitWhileStarting(): void {
  process.exit(0);
}

/** `vectorstream.yaml` may be absent; a file named by `--config` may not. */
export async function readSettingsFile(requested: string | null): Promise<string | null> {
  const file = requested ?? defaultSettingsFile;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isAbsent && requested === null) return null;
    throw new UsageError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
