// `npm run reindex`: reads a range of Kafka into a fresh index, and says how to switch over to it.

import { UsageError } from '#core/errors/errors.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { Settings } from '../config/live-settings.ts';
import { parseFlags } from '../config/parse-flags.ts';
import { SettingsError } from '../config/settings-mistakes.ts';
import {
  defaultSettingsFile,
  failureMessage,
  readSettingsFile,
  secretsOf,
} from '../gateway-command.ts';
import { noGenerator } from '../ingest/parent-generator.ts';
import { createLog } from '../telemetry/gateway-log.ts';
import { ownFlags, reindexHelp } from './reindex-flags.ts';
import { reindexPlan } from './reindex-plan.ts';
import { runReindex } from './run-reindex.ts';

/** As a shell reports SIGINT. */
const interruptedExitCode = 130;

async function reindex(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { own, others } = ownFlags(argv);
  const { help, version, configFile, flags } = parseFlags(others);
  if (help) return say(reindexHelp, 0);
  if (version) return say(`${packageJson.version}\n`, 0);
  const yaml = await readSettingsFile(configFile);
  const input = { yaml, env, flags };
  const plan = reindexPlan(new Settings(input).config, own);
  // The port and the log are this command's own, unless they are named.
  const quiet: readonly (readonly [string, string, unknown])[] = [
    ['gateway.port', 'port', 0],
    ['gateway.host', 'host', '127.0.0.1'],
    ['logging.level', 'log-level', 'warn'],
  ];
  const settings = new Map(plan.settings);
  for (const [path, flag, value] of quiet) if (!flags.has(flag)) settings.set(path, value);

  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted && signal === 'SIGINT') process.exit(interruptedExitCode);
      stopping.abort();
    });
  const { config } = new Settings(input, settings);
  const secrets = secretsOf(config);
  const log = createLog({ ...config.logging, secrets, destination: null });
  const done = await runReindex(
    input,
    { ...plan, settings },
    {
      gateway: {
        log,
        secrets,
        environment: env,
        generator: noGenerator,
        onFatal(error) {
          process.stderr.write(`${failureMessage(error, false)}\n`);
          process.exit(1);
        },
      },
      stop: stopping.signal,
      onProgress: ({ left, events }) =>
        process.stderr.write(
          `${shown(events)} events in the new index, ` +
            `${left === null ? 'waiting for Kafka' : `${shown(left)} records left`}\n`,
        ),
    },
  );
  if (!done.isDone)
    return say('Stopped. The same command goes on from here.\n', interruptedExitCode);
  return say(
    `The new index has ${shown(done.events)} events about ${shown(done.texts)} texts.\n` +
      'To switch over, restart the gateways with these variables, or with the same settings:\n' +
      plan.switchOver.map((line) => `  ${line}\n`).join('') +
      'They go on where this command has ended. Until then, the running ones are unchanged.\n',
    0,
  );
}

const shown = (count: number): string => count.toLocaleString('en');

function say(text: string, code: number): number {
  process.stdout.write(text);
  return code;
}

process.umask(0o077);
try {
  process.exitCode = await reindex(process.argv.slice(2), process.env);
} catch (error) {
  process.stderr.write(
    error instanceof SettingsError
      ? `${error.located(defaultSettingsFile)}\n`
      : `${failureMessage(error, false)}\n`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
