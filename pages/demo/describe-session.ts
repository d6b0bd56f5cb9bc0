// Describes a session and its failures in plain words.

import type { EmbedderInfo } from '#core/ports.ts';

export const deviceName = (device: string): string =>
  ({ webgpu: 'WebGPU', wasm: 'WebAssembly' })[device] ?? device;

/** The hardware that does the work: `NVIDIA Ampere`, `the processor, 4 threads`. */
export function adapterName({ adapter, softwareAdapter }: EmbedderInfo): string {
  return softwareAdapter
    ? `${adapter}: a GPU emulated by the processor`
    : adapter.replace(/^WebAssembly/, 'the processor');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
