// The path below which a proxy serves the gateway (`gateway.basePath`).

/** `/vectors/demo` below `/vectors` is `/demo`; a path that is not below it stays. */
export function pathBelow(basePath: string, path: string): string {
  if (basePath === '/') return path;
  if (path === basePath) return '/';
  return path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path;
}
