// Chooses a browser's flags, so that its page reaches the wanted GPU and works as it does over
// HTTPS.

/** What the page may use: a real GPU, one that the processor emulates, or none. */
export type Graphics = 'gpu' | 'software' | 'none';

export type LaunchRequest = {
  readonly platform: NodeJS.Platform;
  readonly graphics: Graphics;
  /** The origins of the pages, `http(s)://host:port`. */
  readonly origins: readonly string[];
  readonly sandbox: boolean;
  /** Public keys whose certificates are accepted as valid: SHA-256 in base64. */
  readonly trustedKeys: readonly string[];
};

/**
 * The flags beside Puppeteer's own. Chromium on Linux offers WebGPU only over Vulkan, and only with
 * these flags; macOS has Metal and Windows Direct3D 12.
 */
export function launchFlags({
  platform,
  graphics,
  origins,
  sandbox,
  trustedKeys,
}: LaunchRequest): readonly string[] {
  // WebGPU, threads and the cache need a secure context. Browsers treat plain HTTP as secure on
  // this machine only; whether a cluster uses TLS is the operator's decision.
  const plain = origins.filter((origin) => origin.startsWith('http:'));
  return [
    ...graphicsFlags(platform, graphics),
    ...(sandbox ? [] : ['--no-sandbox']),
    ...(plain.length > 0 ? [`--unsafely-treat-insecure-origin-as-secure=${plain.join(',')}`] : []),
    ...(trustedKeys.length > 0
      ? [`--ignore-certificate-errors-spki-list=${trustedKeys.join(',')}`]
      : []),
  ];
}

function graphicsFlags(platform: NodeJS.Platform, graphics: Graphics): readonly string[] {
  if (graphics === 'none') return ['--disable-gpu'];
  if (graphics === 'software')
    return ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
  const vulkan = [
    '--use-angle=vulkan',
    '--enable-features=Vulkan',
    '--disable-vulkan-surface',
    '--enable-gpu',
    // Without it, Dawn withholds 16-bit floats on NVIDIA's GPUs. The golden check guards against
    // the drivers for which it does.
    '--enable-dawn-features=vulkan_enable_f16_on_nvidia',
  ];
  return [
    '--enable-unsafe-webgpu',
    '--ignore-gpu-blocklist',
    ...(platform === 'linux' ? vulkan : []),
  ];
}
