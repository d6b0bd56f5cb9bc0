// Makes one structured log for the whole gateway and keeps all secrets out of it.

import {
  pino,
  stdTimeFunctions,
  type DestinationStream,
  type LevelWithSilent,
  type Logger,
} from 'pino';
import { prettyFactory } from 'pino-pretty';

export type Log = Logger;

export type LogOptions = {
  readonly level: LevelWithSilent;
  readonly format: 'auto' | 'pretty' | 'json';
  /** Values that must not appear anywhere in a line. It is read for every line, so it may grow. */
  readonly secrets: ReadonlySet<string>;
  /** Where lines go; `null` for standard output. */
  readonly destination: DestinationStream | null;
};

const censored = '[redacted]';
const names = [
  'authorization',
  'Authorization',
  'x-api-key',
  'cookie',
  'token',
  'apiKey',
  'api_key',
  'runnerToken',
  'password',
];

/**
 * Children carry ids: `log.child({ request_id })`, and likewise `event_id`, `job_id`. Lines are
 * written synchronously, so that the last one before a crash is not lost.
 */
export function createLog(options: LogOptions): Log {
  const lines = options.destination ?? pino.destination({ dest: 1, sync: true });
  const isPretty =
    options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const stream = isPretty
    ? prettified(lines, options.destination === null && process.stdout.isTTY)
    : lines;
  return pino(
    {
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      redact: {
        paths: names.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        censor: censored,
      },
      hooks: {
        // A token can also appear inside a URL or in another program's error message, which the
        // paths do not reach.
        streamWrite: (line) => without(options.secrets, line),
      },
    },
    stream,
  );
}

/** A secret of one or two characters would match in every word. */
const secretLengthMin = 3;

function without(secrets: ReadonlySet<string>, line: string): string {
  let text = line;
  for (const secret of secrets) {
    // The line is JSON, so the secret is escaped as in a JSON string.
    if (secret.length >= secretLengthMin)
      text = text.replaceAll(JSON.stringify(secret).slice(1, -1), censored);
  }
  return text;
}

function prettified(lines: DestinationStream, colorize: boolean): DestinationStream {
  const pretty = prettyFactory({
    colorize,
    ignore: 'pid,hostname',
    // Other fields are printed as JSON, but these as they are.
    customPrettifiers: { name: quoted, caller: quoted },
  });
  return { write: (line) => lines.write(pretty(line).replaceAll(misleading, escaped)) };
}

const quoted = (value: unknown): string => JSON.stringify(value);

/** Characters that leave no mark, change the order of others, or end a line for some terminals. */
const misleading = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u0080-\u009f\u2028\u2029]/gu;

const escaped = (character: string): string =>
  `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
