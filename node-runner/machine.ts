// Describes what decides how a machine embeds: CPU, cores, free memory, and whether it has a GPU.

import { readdirSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { devicesOf, type Platform } from '#core/runner/device-candidates.ts';
import { mayHaveGpu } from '#core/runner/gpu-hint.ts';

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  /** Free for new processes, bytes, within the limits of a container. */
  readonly memoryBytes: number;
  /** Whether trying WebGPU is worth the time. */
  readonly gpu: boolean;
};

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    memoryBytes: process.availableMemory(),
    gpu: mayHaveGpu(process.platform, list),
  };
}

export const platformOf = ({ gpu }: Machine): Platform => ({
  devices: devicesOf('node', gpu),
  dtypeSetting: 'VECTORSTREAM_RUNNER_DTYPE',
});

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
