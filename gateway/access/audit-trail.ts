// Records every call that changes something: the client, the call and its result, but never its
// body.

import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { makeFolder } from '../../system/make-folder.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { TrailFile } from './trail-file.ts';
import { readTrailPage, type TrailPage, type TrailPlace } from './trail-pages.ts';

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

export type AuditTrail = Disposable & {
  write(line: AuditLine): void;
  /** See `readTrailPage`; `null` when there is no trail. */
  readonly read: ((limit: number, before: TrailPlace | null) => Promise<TrailPage | null>) | null;
};

export type AuditTrailOptions = {
  readonly dataDir: string;
  /** 0: no trail. */
  readonly fileBytesMax: number;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Writes one JSON object per line to `<dataDir>/audit.ndjson`, before the call is answered. A full
 * file replaces `audit.ndjson.1`. A file that was moved or removed is followed by a new one.
 *
 * @throws UsageError when the file cannot be written
 */
export function openAuditTrail({
  dataDir,
  fileBytesMax,
  clock,
  log,
}: AuditTrailOptions): AuditTrail {
  if (fileBytesMax === 0)
    return { write: () => undefined, read: null, [Symbol.dispose]: () => undefined };
  const path = join(dataDir, 'audit.ndjson');
  const file = openFile(dataDir, path, fileBytesMax);
  let known: string | null = null;
  /** Logs a problem once, and its end. */
  const tell = (problem: string | null): void => {
    if (problem === known) return;
    known = problem;
    if (problem === null) log.info({ path }, 'the audit trail replaces its file again');
    else log.error({ path, reason: problem }, 'the audit trail cannot replace its file');
  };
  return {
    write(line) {
      const text = JSON.stringify({ time: new Date(clock.now()).toISOString(), ...line });
      try {
        tell(file.append(text)?.message ?? null);
      } catch (error) {
        // The change was made, so the client gets its answer. The log holds each missing line.
        log.error({ path, reason: reasonOf(error), line }, 'cannot write to the audit trail');
      }
    },
    read: (limit, before) => readTrailPage([path, `${path}.1`], limit, before),
    [Symbol.dispose]: () => file.close(),
  };
}

function openFile(dataDir: string, path: string, fileBytesMax: number): TrailFile {
  try {
    makeFolder(dataDir);
    return new TrailFile(path, fileBytesMax);
  } catch (cause) {
    throw new UsageError(`${path} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
