// Decides how a machine is divided into runner processes and threads.

import type { Device } from '#core/model/model-manifest.ts';
import type { Layout } from '#core/runner/supervisor.ts';

/**
 * What one process takes at its peak besides its graph, and how often it holds that: 400 MiB for
 * the shipped graphs of 23 MB.
 */
const bytesPerProcess = 330 * 2 ** 20;
const graphCopies = 3;
const processesMax = 64;

/**
 * On a CPU one thread per process: a process with two threads waits for the slower one after every
 * product (`npm run bench` compares layouts). All cores are used, since runners run at lower
 * priority than the gateway, in at most half of the memory that is free. A GPU takes one process,
 * whose session fills it. `0` threads leaves the number to the runtime.
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
