// Names the kernels that one text of eight tokens needs on WebGPU.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './bench-gateway.ts';

const secondRun = 'SECOND RUN';

/**
 * Runs the graph in a process of its own, whose log is written to `folder`. @throws Error with the
 * end of the log, if that process fails
 */
export async function kernelsOf(
  graph: string,
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const file = join(folder, 'kernels.log');
  // The runtime's own lines are lost when a pipe is full, so the log is a file.
  await using log = await open(file, 'w');
  const program = spawn(process.execPath, [join(root, 'bench/gpu-kernels.ts'), graph, secondRun], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', log.fd],
  });
  const [code]: unknown[] = await once(program, 'exit');
  const lines = await readFile(file, 'utf8');
  if (code !== 0)
    throw new Error(
      `${graph} cannot run on WebGPU: exit code ${String(code)}. ${lines.slice(-500)}`,
    );
  const run = lines.slice(lines.indexOf(secondRun));
  return [...run.matchAll(/Starting program "(\w+)/g)].map(([, name = '']) => name);
}
