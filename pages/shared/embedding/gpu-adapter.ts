// Finds the browser's WebGPU adapter, and tells a real GPU from one that the processor emulates.

export type Adapter = {
  /** As much as the browser tells: vendor, architecture, description. */
  readonly name: string;
  /** Emulated by the processor. */
  readonly software: boolean;
  /** Supports `shader-f16`. */
  readonly fp16: boolean;
};

const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp|software/i;

/** `null` without WebGPU, or without an adapter. */
export async function findAdapter(): Promise<Adapter | null> {
  if (!('gpu' in navigator)) return null;
  const adapter = await navigator.gpu
    .requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  return adapter === null
    ? null
    : describeAdapter(adapter.info, adapter.features.has('shader-f16'));
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
