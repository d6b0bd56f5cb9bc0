// Decides how browsers are tried on this machine: with the GPU where there may be one, then
// without.

import type { BrowserRunnerOptions } from './browser-runner-options.ts';
import type { Graphics } from './launch-flags.ts';

export type BrowserCandidate = {
  /** The device that the page is told to use; `auto` lets it measure. */
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  readonly graphics: Graphics;
};

/**
 * Best first. After a browser cannot start with a GPU, or fails with it several times, the next one
 * starts without. `mayHaveGpu`: the machine shows a GPU.
 */
export function browserCandidates(
  { device, dtype, adapter }: Pick<BrowserRunnerOptions, 'device' | 'dtype' | 'adapter'>,
  mayHaveGpu: boolean,
): readonly BrowserCandidate[] {
  if (device === 'wasm') return [{ device, dtype, graphics: 'none' }];
  if (adapter === 'software') return [{ device, dtype, graphics: 'software' }];
  if (device === 'webgpu') return [{ device, dtype, graphics: 'gpu' }];
  const without = { device: 'wasm', dtype, graphics: 'none' } as const;
  return mayHaveGpu ? [{ device, dtype, graphics: 'gpu' }, without] : [without];
}

/** What to do so that a browser can use the GPU. */
export const gpuHints: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    "install the GPU's driver with its Vulkan part (NVIDIA: driver 535 or newer; AMD and Intel: " +
    'mesa-vulkan-drivers) and libvulkan1; a container needs the device, and for NVIDIA the ' +
    'Container Toolkit with NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility',
  darwin: 'update macOS and the browser: WebGPU works over Metal from Chrome 113',
  win32: "update the GPU's driver and the browser: WebGPU works over Direct3D 12 from Chrome 113",
};

const mebibyte = 2 ** 20;

/**
 * The bytes that one browser may hold. `auto`: an equal share of three quarters of the memory, at
 * most 4 GiB.
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
