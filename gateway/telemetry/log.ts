// One structured log for the whole gateway, in which no secret can appear.
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from '../config.ts';

export type Log = Logger;

export type LogOptions = {
  readonly level: Config['logging']['level'];
  readonly format: Config['logging']['format'];
  /** Values that must never be written, wherever in a line they turn up. */
  readonly secrets: readonly string[];
  /** Where lines go; `null` for standard output. */
  readonly destination: DestinationStream | null;
};

const censored = '[redacted]';
const names = ['authorization', 'Authorization', 'x-api-key', 'cookie', 'token', 'apiKey', 'api_key', 'runnerToken', 'password'];

/**
 * Children carry ids: `log.child({ request_id })`, and likewise `event_id`, `job_id`. Lines are written at once, so that
 * the last one before a crash is there.
 */
export function createLog(options: LogOptions): Log {
  const lines = options.destination ?? pino.destination({ dest: 1, sync: true });
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const stream = isPretty ? prettified(lines, options.destination === null && process.stdout.isTTY) : lines;
  // The longest first: a secret that contains another must go as a whole.
  const secrets = options.secrets.filter((secret) => secret.length >= 4).toSorted((a, b) => b.length - a.length);
  return pino({
    level: options.level,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: names.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]), censor: censored },
    hooks: {
      // A token can also stand in a URL or in another program's error message, where no path finds it.
      streamWrite: (line) => secrets.reduce((text, secret) => text.replaceAll(escaped(secret), censored), line),
    },
  }, stream);
}

/** As the secret looks inside a JSON string. */
const escaped = (secret: string): string => JSON.stringify(secret).slice(1, -1);

function prettified(lines: DestinationStream, colorize: boolean): DestinationStream {
  const pretty = prettyFactory({ colorize, ignore: 'pid,hostname' });
  return { write: (line) => lines.write(pretty(line)) };
}
