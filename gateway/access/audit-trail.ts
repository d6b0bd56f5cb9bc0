// Writes down every call that changes something: who, what, and what came of it, never what was in
// its body.

import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import type { Log } from '../telemetry/gateway-log.ts';

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

export type AuditTrail = Disposable & { write(line: AuditLine): void };

export type AuditTrailOptions = {
  readonly dataDir: string;
  /** 0: no trail. */
  readonly fileBytesMax: number;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * One JSON object a line in `<dataDir>/audit.ndjson`, written before the call is answered; a full
 * file becomes `audit.ndjson.1` in place of the one before. Throws `UsageError` when it cannot be
 * written.
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
  const turn = (): void => {
    closeSync(descriptor);
    renameSync(file, `${file}.1`);
    descriptor = open();
    bytes = 0;
  };
  return {
    write(line) {
      const text = `${JSON.stringify({ time: new Date(clock.now()).toISOString(), ...line })}\n`;
      try {
        if (bytes > 0 && bytes + Buffer.byteLength(text) > fileBytesMax) turn();
        bytes += writeSync(descriptor, text);
      } catch (error) {
        // The change was made: whoever asked for it gets its answer, and the operator hears that
        // the trail has a gap.
        log.error({ err: error, line }, 'the audit trail cannot be written');
      }
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
