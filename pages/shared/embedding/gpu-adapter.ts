// Finds the browser's WebGPU adapter, and tells a real GPU from one that the processor emulates.

import type { Clock } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';

export type Adapter = {
  /** What the browser tells of the adapter: vendor, architecture, description. */
  readonly name: string;
  /** Emulated by the processor. */
  readonly software: boolean;
  /** Supports `shader-f16`. */
  readonly fp16: boolean;
};

const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp|software/i;

const asksMax = 5;
const waitMs = 500;

/**
 * `null` without WebGPU, or without an adapter. While the browser's GPU process is still starting,
 * it offers none, so it is asked again for two seconds.
 */
export async function findAdapter(
  gpu: Pick<GPU, 'requestAdapter'> | undefined = navigator.gpu,
  clock: Pick<Clock, 'sleep'> = systemClock,
): Promise<Adapter | null> {
  if (gpu === undefined) return null;
  for (let asked = 1; ; asked++) {
    const adapter = await gpu
      .requestAdapter({ powerPreference: 'high-performance' })
      .catch(() => null);
    if (adapter !== null) return describeAdapter(adapter.info, adapter.features.has('shader-f16'));
    if (asked === asksMax) return null;
    await clock.sleep(waitMs);
  }
}

/** Goes by the name as well: some software adapters do not set `isFallbackAdapter`. */
function describeAdapter(
  { vendor, architecture, device, description, isFallbackAdapter }: GPUAdapterInfo,
  fp16: boolean,
): Adapter {
  const parts = [vendor, architecture, description || device]
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const name = [...new Set(parts)].join(' ') || 'a GPU that the browser does not name';
  return { name, fp16, software: isFallbackAdapter || softwareNames.test(name) };
}
