// Chooses what a browser is started with, so that its page gets the GPU that is asked for, and
// works as it would over HTTPS.

/** What the page may embed with: a real GPU, one that the processor plays, or none. */
export type Graphics = 'gpu' | 'software' | 'none';

export type LaunchRequest = {
  readonly platform: NodeJS.Platform;
  readonly graphics: Graphics;
  /** Where pages come from, `http(s)://host:port`. */
  readonly origins: readonly string[];
  readonly sandbox: boolean;
  /** Base64 of the SHA-256 of a public key, that a certificate of which is taken as valid. */
  readonly trustedKeys: readonly string[];
};

/**
 * On top of Puppeteer's own. Linux gets WebGPU only over Vulkan and only when told so; macOS has
 * Metal, Windows D3D12.
 */
export function launchFlags({
  platform,
  graphics,
  origins,
  sandbox,
  trustedKeys,
}: LaunchRequest): readonly string[] {
  // WebGPU, threads and the cache want a secure context. Plain HTTP is one on this machine only,
  // and to have no TLS within a cluster is the operator's choice.
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
  ];
  return [
    '--enable-unsafe-webgpu',
    '--ignore-gpu-blocklist',
    ...(platform === 'linux' ? vulkan : []),
  ];
}
