// Tells in the log how far a download is: at most ten times, and what it is about.

import type { HubFile } from './hub.ts';
import type { Log } from './log.ts';

/** Takes how many more bytes are here; fewer is a negative number. */
export type Progress = (bytes: number) => void;

export function createProgress(log: Log, model: string, files: readonly HubFile[]): Progress {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let here = 0;
  let told = -1;
  return (bytes) => {
    here += bytes;
    const percent = total === 0 ? 100 : Math.floor(100 * here / total);
    if (Math.floor(percent / 10) <= told) return;
    told = Math.floor(percent / 10);
    log.info({ model, bytes: here, bytes_total: total }, `downloading ${model}: ${percent} % (${megabytes(here)} of ${megabytes(total)} MB)`);
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
