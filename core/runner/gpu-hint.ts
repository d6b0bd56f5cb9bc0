// Says whether WebGPU is worth trying on a machine, without loading a driver.

/**
 * `namesIn` lists a folder, and returns nothing for one that cannot be read. Only Linux has device
 * files; elsewhere the answer is always yes.
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
