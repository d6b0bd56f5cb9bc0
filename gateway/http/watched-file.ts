// Reads a file again whenever it has changed, by looking at it every few seconds: that also sees a
// mounted secret whose link is turned.

import { unwatchFile, watchFile } from 'node:fs';

/** `changed` is called after every change, also after the file has gone. Dispose to stop. */
export function watchedFile(path: string, everyMs: number, changed: () => void): Disposable {
  const look = (): void => changed();
  watchFile(path, { interval: everyMs, persistent: false }, look);
  return { [Symbol.dispose]: () => unwatchFile(path, look) };
}

/** How soon a key or a certificate that was renewed is taken. */
export const lookEveryMs = 2_000;
