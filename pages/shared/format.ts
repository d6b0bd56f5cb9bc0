// Formats figures and names for people.

const deviceNames: Readonly<Record<string, string>> = {
  webgpu: 'WebGPU',
  wasm: 'WASM',
  cpu: 'Processor',
  cuda: 'CUDA',
};

/** `WebGPU fp16` */
export const formatDevice = (device: string, dtype: string): string =>
  `${deviceNames[device] ?? device} ${dtype}`;

/** `23.5 MB` */
export function formatBytes(bytes: number): string {
  return bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(2)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`;
}

/** `1,355`; below ten, one decimal: `0.7`; and `0`. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0';
  return perSecond >= 10 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** The text without the full stop at its end, so that the sentence can go on. */
export const withoutStop = (text: string): string => text.trim().replace(/\.$/, '');

/** `1,736.95` */
export const formatPrice = (price: number): string =>
  price.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** `1,000` */
export const formatCount = (count: number): string => count.toLocaleString('en');
