// Says whether trying WebGPU is worth the time on a machine, without touching a driver.

/**
 * `namesIn` lists a folder, and is empty for one that cannot be read. Only Linux shows its devices
 * as files.
 */
export function mayHaveGpu(
  platform: string,
  namesIn: (folder: string) => readonly string[],
): boolean {
  return (
    platform !== 'linux' ||
    namesIn('/dev/dri').some((name) => name.startsWith('renderD')) ||
    namesIn('/dev').some((name) => /^nvidia\d+$|^dxg$/.test(name))
  );
}
