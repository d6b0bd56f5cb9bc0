// Decides what a browser is tried with on this machine: with the GPU where one may be, then
// without.

import type { BrowserRunnerOptions } from './browser-runner-options.ts';
import type { Graphics } from './launch-flags.ts';

export type BrowserCandidate = {
  /** What the page is asked to embed with; `auto` lets it measure. */
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  readonly graphics: Graphics;
};

/**
 * Best first. A browser that cannot start with a GPU, or fails in service with it again and again,
 * is started without.
 */
export function browserCandidates(
  { device, dtype, adapter }: Pick<BrowserRunnerOptions, 'device' | 'dtype' | 'adapter'>,
  gpu: boolean,
): readonly BrowserCandidate[] {
  if (device === 'wasm') return [{ device, dtype, graphics: 'none' }];
  if (adapter === 'software') return [{ device, dtype, graphics: 'software' }];
  if (device === 'webgpu') return [{ device, dtype, graphics: 'gpu' }];
  const without = { device: 'wasm', dtype, graphics: 'none' } as const;
  return gpu ? [{ device, dtype, graphics: 'gpu' }, without] : [without];
}

/** What gives a browser a GPU. */
export const gpuHints: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    'install the driver of the GPU with its Vulkan part (NVIDIA: the driver from 535; AMD and Intel: mesa-vulkan-drivers) and libvulkan1; a container needs the device, and for NVIDIA the Container Toolkit with NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility',
  darwin: 'update macOS and the browser: WebGPU works over Metal from Chrome 113',
  win32:
    'update the driver of the GPU and the browser: WebGPU works over Direct3D 12 from Chrome 113',
};

const mebibyte = 2 ** 20;

/**
 * Bytes that one browser may hold: unless told, three quarters of the memory shared out among all,
 * 4 GiB at most.
 */
export function browserMemoryMax(
  memoryMib: number | 'auto',
  memoryBytes: number,
  browsers: number,
): number {
  return memoryMib === 'auto'
    ? Math.min(4096 * mebibyte, (memoryBytes * 3) / 4 / browsers)
    : memoryMib * mebibyte;
}
