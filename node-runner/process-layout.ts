// Decides how many runner processes and threads a machine runs.

import type { Device } from '#core/model/model-manifest.ts';
import type { Layout } from '#core/runner/supervisor.ts';

/**
 * The peak memory of one process without its graph, and how many copies of the graph it holds: 400
 * MiB for the shipped graphs of 23 MB.
 */
const bytesPerProcess = 330 * 2 ** 20;
const graphCopies = 3;
const processesMax = 64;

/**
 * On a CPU, each process has one thread: with two, it would wait for the slower one after every
 * matrix product (`npm run bench` compares layouts). Runners use all cores, because they have a
 * lower priority than the gateway, and at most half of the free memory. A GPU gets one process,
 * whose session fills it. `threads: 0` leaves the number to the runtime.
 */
export function layoutOf(request: {
  readonly device: Device;
  /** Size of the graph's files. */
  readonly graphBytes: number;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly runners: number | 'auto';
  readonly threads: number | 'auto';
}): Layout {
  const { device, cores, runners, threads } = request;
  if (device !== 'cpu')
    return {
      processes: runners === 'auto' ? 1 : runners,
      threads: threads === 'auto' ? 0 : threads,
    };
  const fit = Math.max(
    1,
    Math.min(
      processesMax,
      Math.floor(request.memoryBytes / 2 / (bytesPerProcess + graphCopies * request.graphBytes)),
    ),
  );
  const processes =
    runners === 'auto'
      ? Math.max(1, Math.min(fit, Math.floor(cores / (threads === 'auto' ? 1 : threads))))
      : runners;
  return {
    processes,
    threads: threads === 'auto' ? Math.max(1, Math.floor(cores / processes)) : threads,
  };
}
