// Figures and names as people read them.

const deviceNames: Readonly<Record<string, string>> = {
  webgpu: 'WebGPU',
  wasm: 'WASM',
  cpu: 'Processor',
  cuda: 'CUDA',
};

/** `WebGPU fp16` */
export const deviceWords = (device: string, dtype: string): string =>
  `${deviceNames[device] ?? device} ${dtype}`;

/** `23.5 MB` */
export function byteWords(bytes: number): string {
  return bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(2)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`;
}

/** `1,355`; `0.7` below ten. */
export const rateWords = (perSecond: number): string =>
  perSecond >= 10 ? Math.round(perSecond).toLocaleString('en') : perSecond.toFixed(1);

/** To go on after it in the same sentence. */
export const withoutStop = (text: string): string => text.trim().replace(/\.$/, '');
