// Finds the descendants of a process, so that a benchmark can kill one of them.

import { readdirSync, readFileSync } from 'node:fs';

export const canListProcesses = process.platform === 'linux';

/** Ids of the descendants of `ancestor` with `part` in their command line. Linux only. */
export function descendantsOf(ancestor: number, part: string): readonly number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), Number(/\) \w (\d+)/.exec(read(`/proc/${name}/stat`))?.[1])]),
  );
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === ancestor || descends(parent));
  };
  return [...parents.keys()].filter(
    (pid) => descends(pid) && read(`/proc/${pid}/cmdline`).includes(part),
  );
}

/** Empty when the process has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
