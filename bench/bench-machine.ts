// Describes the machine and conditions of a measurement, and limits this program and its children
// to fewer cores.

import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { UsageError } from '#core/errors/errors.ts';

export type Conditions = {
  readonly cpu: string;
  /** Cores that these processes may use. */
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /**
   * Load average of the last minute: about 0 on a machine that is free for measurements. `null` on
   * Windows.
   */
  readonly loadBefore: number | null;
};

export function conditions(): Conditions {
  return {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    loadBefore: process.platform === 'win32' ? null : Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

export function conditionsLine({
  cpu,
  cores,
  memoryGb,
  system,
  node,
  loadBefore,
}: Conditions): string {
  const parts = [
    cpu,
    `${cores} ${cores === 1 ? 'core' : 'cores'}`,
    `${memoryGb} GB`,
    system,
    `Node ${node}`,
    ...(loadBefore === null ? [] : [`load ${loadBefore} before`]),
  ];
  return parts.join(', ');
}

/**
 * Limits all threads of this process, and every process that it starts from now on.
 *
 * @throws UsageError where that is not possible
 */
export function limitCores(cores: number): void {
  if (process.platform !== 'linux')
    throw new UsageError('--cores works on Linux only: it needs taskset.');
  if (cores > availableParallelism())
    throw new UsageError(
      `--cores is ${cores}, but this program may use ${availableParallelism()} only.`,
    );
  try {
    execFileSync(
      'taskset',
      ['--all-tasks', '--cpu-list', '--pid', `0-${cores - 1}`, String(process.pid)],
      { stdio: 'pipe' },
    );
  } catch (error) {
    throw new UsageError(
      '--cores needs taskset (of util-linux), which failed: ' +
        (error instanceof Error ? error.message.trim() : String(error)),
      { cause: error },
    );
  }
}
