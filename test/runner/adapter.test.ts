// A Node runner names its GPU by the drivers in its process, and rejects a software adapter.

import { expect, test } from 'vitest';
import { judge } from '../../node-runner/measured-choice.ts';
import { adapterOf } from '../../node-runner/webgpu-adapter.ts';

const linux = { platform: 'linux', gpu: true, nvidiaModels: [] } as const;
const mapped = (...libraries: string[]) =>
  libraries
    .map(
      (library) =>
        `7f0000000000-7f0000001000 r-xp 00000000 08:01 42 /usr/lib/x86_64-linux-gnu/${library}`,
    )
    .join('\n');

test("a GPU is named after its driver, and NVIDIA's after its model", () => {
  expect(adapterOf({ ...linux, maps: mapped('libvulkan_radeon.so') })).toEqual({
    name: 'AMD (Vulkan)',
    software: false,
  });
  expect(
    adapterOf({ ...linux, maps: mapped('libGLX_nvidia.so.550.54'), nvidiaModels: ['NVIDIA L4'] }),
  ).toEqual({ name: 'NVIDIA L4 (Vulkan)', software: false });
  expect(adapterOf({ ...linux, maps: mapped('libvulkan_lvp.so', 'libvulkan_intel.so') })).toEqual({
    name: 'Intel (Vulkan)',
    software: false,
  });
  expect(adapterOf({ platform: 'darwin', gpu: true, maps: '', nvidiaModels: [] })).toEqual({
    name: 'Metal (ONNX Runtime)',
    software: false,
  });
});

test('a software driver is recognised, also beside drivers of absent GPUs', () => {
  expect(adapterOf({ ...linux, maps: mapped('libvk_swiftshader.so') })).toEqual({
    name: 'SwiftShader (Vulkan)',
    software: true,
  });
  expect(
    adapterOf({ ...linux, gpu: false, maps: mapped('libvulkan_lvp.so', 'libvulkan_intel.so') }),
  ).toEqual({ name: 'llvmpipe (Vulkan)', software: true });
});

test('a software adapter is rejected at any speed unless its device is forced', () => {
  const played = {
    ok: true,
    candidate: { device: 'webgpu', dtype: 'fp32' },
    textsPerSecond: 10_000,
    golden: '',
    adapter: 'llvmpipe (Vulkan)',
    softwareAdapter: true,
  } as const;
  expect(judge(played, false)).toEqual({
    ok: false,
    candidate: played.candidate,
    code: 'software_adapter',
    message: 'this is a software GPU adapter (llvmpipe (Vulkan))',
  });
  expect(judge(played, true)).toEqual(played);
  expect(
    judge({ ...played, adapter: 'NVIDIA L4 (Vulkan)', softwareAdapter: false }, false),
  ).toMatchObject({ ok: true });
});
