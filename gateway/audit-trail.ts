// Writes down every call that changes something: who, what, and what came of it, never what was in its body.
import { stat, rename } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Clock } from '#core/ports.ts';
import { UsageError } from '#core/errors.ts';
import type { Log } from './telemetry/log.ts';

export type AuditLine = {
  /** Name of the API key; `null` where none is asked for. */
  readonly key: string | null;
  readonly address: string;
  readonly method: string;
  /** With the ids that are in it. */
  readonly path: string;
  readonly status: number;
  readonly request_id: string;
  readonly [more: string]: unknown;
};

export type AuditTrail = AsyncDisposable & { write(line: AuditLine): void };

export type AuditTrailOptions = {
  readonly dataDir: string;
  /** 0: no trail. */
  readonly fileBytesMax: number;
  readonly clock: Clock;
  readonly log: Log;
};

/** Lines that may wait for a disk that does not take them; what comes after is lost, and the log says so. */
const waitingBytesMax = 4 * 1024 * 1024;

/** One JSON object a line in `<dataDir>/audit.ndjson`; a full file becomes `audit.ndjson.1` in place of the one before. Throws `UsageError` when it cannot be written. */
export async function openAuditTrail({ dataDir, fileBytesMax, clock, log }: AuditTrailOptions): Promise<AuditTrail> {
  if (fileBytesMax === 0) return { write: () => undefined, async [Symbol.asyncDispose]() {} };
  const file = join(dataDir, 'audit.ndjson');
  const lines = pino.destination({ dest: file, sync: false, mkdir: true, append: true, mode: 0o600, maxLength: waitingBytesMax });
  try {
    await once(lines, 'ready');
  } catch (cause) {
    throw new UsageError(`${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  let bytes = (await stat(file)).size;
  let turning = false;
  lines.on('error', (error: unknown) => log.error({ err: error }, 'the audit trail cannot be written'));
  lines.on('drop', () => log.error('a line of the audit trail was lost: the disk does not keep up'));
  const turn = async (): Promise<void> => {
    turning = true;
    try {
      await rename(file, `${file}.1`);
      lines.reopen();
      bytes = 0;
    } catch (error) {
      log.error({ err: error }, 'the audit trail cannot begin a new file');
    } finally {
      turning = false;
    }
  };
  return {
    write(line) {
      const text = `${JSON.stringify({ time: new Date(clock.now()).toISOString(), ...line })}\n`;
      bytes += text.length;
      lines.write(text);
      if (bytes > fileBytesMax && !turning) void turn();
    },
    async [Symbol.asyncDispose]() {
      const closed = once(lines, 'close');
      lines.end();
      await closed;
    },
  };
}
