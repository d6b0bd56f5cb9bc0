// Notices changes of a file by polling it, which also works when a mounted secret's link changes.

import { unwatchFile, watchFile } from 'node:fs';

/** How soon a renewed key or certificate is noticed. */
const pollIntervalMs = 2_000;

/** Calls `onChange` after every change, also when the file is removed. Dispose it to stop. */
export function watchFileChanges(path: string, onChange: () => void): Disposable {
  const listener = (): void => onChange();
  watchFile(path, { interval: pollIntervalMs, persistent: false }, listener);
  return { [Symbol.dispose]: () => unwatchFile(path, listener) };
}
