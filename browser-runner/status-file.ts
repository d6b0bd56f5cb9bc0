// Writes a runner's status to a file, for the health check of a container and for people.

import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { replaceFile } from '../system/replace-file.ts';

/** A file much older than this was left by a runner that has ended or hangs. */
const writeEveryMs = 5_000;

export type StatusFile = {
  /** Writes when the state has changed, else every few seconds. */
  write(status: RunnerPageStatus | null, memoryBytes: number | null): void;
};

/** `now`: UTC ms. When the folder cannot be written, the health check fails; work goes on. */
export function createStatusFile(file: string, now: () => number): StatusFile {
  let state: string | null = null;
  let writtenAt = 0;
  let writing = Promise.resolve();
  return {
    write(status, memoryBytes) {
      const at = now();
      const next = status?.state ?? 'opening';
      if (next === state && at - writtenAt < writeEveryMs) return;
      [state, writtenAt] = [next, at];
      const line = JSON.stringify({
        at,
        state: next,
        device: status?.device ?? null,
        dtype: status?.dtype ?? null,
        adapter: status?.adapter ?? null,
        texts_embedded: status?.textsEmbedded ?? 0,
        texts_per_second: status?.textsPerSecond ?? 0,
        restarts: status?.restarts ?? 0,
        last_error: status?.lastError ?? null,
        memory_bytes: memoryBytes,
      });
      writing = writing.then(() => replaceFile(file, `${line}\n`, 0o666)).catch(() => undefined);
    },
  };
}
