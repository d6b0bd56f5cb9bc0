// Records every call that changes something: the client, the call and its result, but never its
// body.

import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type AuditLine = {
  /** Name of the API key; `null` where no key is required. */
  readonly key: string | null;
  readonly address: string;
  readonly method: string;
  /** The path as requested, with its ids. */
  readonly path: string;
  readonly status: number;
  readonly request_id: string;
  readonly [more: string]: unknown;
};

export type AuditTrail = Disposable & { write(line: AuditLine): void };

export type AuditTrailOptions = {
  readonly dataDir: string;
  /** 0: no trail. */
  readonly fileBytesMax: number;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Writes one JSON object per line to `<dataDir>/audit.ndjson`, before the call is answered. A full
 * file replaces `audit.ndjson.1`.
 *
 * @throws UsageError when the file cannot be written
 */
export function openAuditTrail({
  dataDir,
  fileBytesMax,
  clock,
  log,
}: AuditTrailOptions): AuditTrail {
  if (fileBytesMax === 0) return { write: () => undefined, [Symbol.dispose]: () => undefined };
  const file = join(dataDir, 'audit.ndjson');
  const open = (): number => openSync(file, 'a', 0o600);
  let descriptor: number;
  let bytes: number;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    descriptor = open();
    bytes = fstatSync(descriptor).size;
  } catch (cause) {
    throw new UsageError(
      `${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const rotate = (): void => {
    closeSync(descriptor);
    renameSync(file, `${file}.1`);
    descriptor = open();
    bytes = 0;
  };
  return {
    write(line) {
      const text = `${JSON.stringify({ time: new Date(clock.now()).toISOString(), ...line })}\n`;
      try {
        if (bytes > 0 && bytes + Buffer.byteLength(text) > fileBytesMax) rotate();
        bytes += writeSync(descriptor, text);
      } catch (error) {
        // The change was made, so the client gets its answer. The log shows the missing line.
        log.error({ err: error, line }, 'cannot write to the audit trail');
      }
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
