// Logs the progress of a download: when it begins, when it is complete, and every few seconds in
// between.

import type { HuggingFaceFile } from './hugging-face-api.ts';
import type { Log } from './node-runner-log.ts';

/** Takes the change in the number of bytes that are here; negative when bytes were dropped. */
export type Progress = (bytes: number) => void;

const everyMs = 3_000;

export function createProgress(
  log: Log,
  model: string,
  files: readonly HuggingFaceFile[],
): Progress {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let here = 0;
  let loggedPercent = -1;
  let loggedAt = -Infinity;
  return (bytes) => {
    here += bytes;
    const percent = Math.floor((100 * here) / total);
    const now = performance.now();
    if (percent === loggedPercent || (here < total && now < loggedAt + everyMs)) return;
    loggedPercent = percent;
    loggedAt = now;
    log.info(
      { model, bytes: here, bytes_total: total },
      `downloading ${model}: ${percent} % (${megabytes(here)} of ${megabytes(total)} MB)`,
    );
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
