// Tells in the log how far a download is: when it begins, when it is whole, and every few seconds
// between.

import type { HuggingFaceFile } from './hugging-face-api.ts';
import type { Log } from './node-runner-log.ts';

/** Takes how many more bytes are here; fewer is a negative number. */
export type Progress = (bytes: number) => void;

const everyMs = 3_000;

export function createProgress(
  log: Log,
  model: string,
  files: readonly HuggingFaceFile[],
): Progress {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let here = 0;
  let toldPercent = -1;
  let toldAt = -Infinity;
  return (bytes) => {
    here += bytes;
    const percent = Math.floor((100 * here) / total);
    const now = performance.now();
    if (percent === toldPercent || (here < total && now < toldAt + everyMs)) return;
    toldPercent = percent;
    toldAt = now;
    log.info(
      { model, bytes: here, bytes_total: total },
      `downloading ${model}: ${percent} % (${megabytes(here)} of ${megabytes(total)} MB)`,
    );
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
