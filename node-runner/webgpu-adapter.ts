// Names the GPU that a WebGPU session uses, and tells whether it is none: a driver that has the
// processor play one.

import { readdirSync, readFileSync } from 'node:fs';

export type Adapter = { readonly name: string; readonly software: boolean };

/** Vulkan drivers by the library that the loader maps into this process. */
const software: readonly (readonly [RegExp, string])[] = [
  [/libvk_swiftshader/, 'SwiftShader'],
  [/libvulkan_lvp/, 'llvmpipe'],
];
const hardware: readonly (readonly [RegExp, string])[] = [
  [/libGLX_nvidia|libnvidia-|libEGL_nvidia/, 'NVIDIA'],
  [/libvulkan_nouveau/, 'NVIDIA, nouveau'],
  [/libvulkan_radeon|amdvlk/, 'AMD'],
  [/libvulkan_intel/, 'Intel'],
  [/libdxcore|libvulkan_dzn/, 'Direct3D 12 of the host'],
];
const elsewhere: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Metal',
  win32: 'Direct3D 12',
};

/**
 * The runtime does not say which adapter it took. On Linux the drivers in the process do: a
 * hardware one goes before one of software, and needs a device. `maps` is `/proc/self/maps`,
 * `nvidiaModels` what NVIDIA's driver calls its GPUs.
 */
export function adapterOf({
  platform,
  gpu,
  maps,
  nvidiaModels,
}: {
  readonly platform: NodeJS.Platform;
  readonly gpu: boolean;
  readonly maps: string;
  readonly nvidiaModels: readonly string[];
}): Adapter {
  if (platform !== 'linux')
    return { name: `${elsewhere[platform] ?? 'GPU'} (ONNX Runtime)`, software: false };
  const maker = gpu ? hardware.find(([library]) => library.test(maps))?.[1] : undefined;
  if (maker !== undefined)
    return {
      name: `${maker === 'NVIDIA' ? (nvidiaModels[0] ?? maker) : maker} (Vulkan)`,
      software: false,
    };
  const player = software.find(([library]) => library.test(maps))?.[1];
  if (player !== undefined) return { name: `${player} (Vulkan)`, software: true };
  return { name: 'unknown (Vulkan)', software: !gpu };
}

/** Once a session is open: its driver is loaded then. */
export function adapterInUse(gpu: boolean): Adapter {
  return adapterOf({
    platform: process.platform,
    gpu,
    maps: read('/proc/self/maps'),
    nvidiaModels: modelsOfNvidia(),
  });
}

function modelsOfNvidia(): readonly string[] {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    return readdirSync(folder).flatMap(
      (name) => /^Model:\s*(.+)$/m.exec(read(`${folder}/${name}/information`))?.[1]?.trim() ?? [],
    );
  } catch {
    return [];
  }
}

/** Empty where there is no such file. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
