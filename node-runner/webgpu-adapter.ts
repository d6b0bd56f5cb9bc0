// Names the GPU that a WebGPU session uses, and recognises software adapters, which run on the CPU.

import { readdirSync, readFileSync } from 'node:fs';

export type Adapter = { readonly name: string; readonly software: boolean };

/** Vulkan drivers, recognised by the library that is mapped into this process. */
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
 * The runtime does not say which adapter it uses. On Linux the drivers in this process do: a
 * hardware driver has precedence over a software driver, and counts only if there is a GPU. `maps`
 * is the text of `/proc/self/maps`; `nvidiaModels` are the GPU names of NVIDIA's driver.
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
  const softwareDriver = software.find(([library]) => library.test(maps))?.[1];
  if (softwareDriver !== undefined) return { name: `${softwareDriver} (Vulkan)`, software: true };
  return { name: 'unknown (Vulkan)', software: !gpu };
}

/** Call it once a session is open, because its driver is loaded then. */
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

/** Empty if the file cannot be read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
