// The runner's structured log: supervisor and workers write complete lines to the same standard
// output.

import { pino, stdTimeFunctions, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type Log = Logger;

export function createLog(options: {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  readonly fields: Readonly<Record<string, string>>;
}): Log {
  // Synchronous, so that the line that explains a crash is not lost.
  const destination = pino.destination({ dest: 1, sync: true });
  const stream =
    options.format === 'pretty'
      ? pretty({ destination, sync: true, colorize: process.stdout.isTTY, ignore: 'pid,hostname' })
      : destination;
  return pino(
    {
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      base: { pid: process.pid, ...options.fields },
    },
    stream,
  );
}
