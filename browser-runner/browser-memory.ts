// Measures the memory of a browser over all its processes, because a page's own figures leave out
// workers, WebAssembly and the GPU process.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Browser } from 'puppeteer';

/** Bytes; `null` when no process could be measured. */
export async function browserMemoryBytes(browser: Browser): Promise<number | null> {
  const session = await browser.target().createCDPSession();
  try {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const sizes = await sizesOf(processInfo.map(({ id }) => id));
    return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0);
  } finally {
    await session.detach().catch(() => undefined);
  }
}

async function sizesOf(pids: readonly number[]): Promise<readonly number[]> {
  if (process.platform === 'linux') return (await Promise.all(pids.map(privateBytes))).flat();
  const [program, args, unit] =
    process.platform === 'win32'
      ? ([
          'powershell',
          [
            '-NoProfile',
            '-Command',
            `(Get-Process -Id ${pids.join(',')} -ErrorAction SilentlyContinue).PrivateMemorySize64`,
          ],
          1,
        ] as const)
      : (['ps', ['-o', 'rss=', '-p', pids.join(',')], 1024] as const);
  const { stdout } = await promisify(execFile)(program, [...args], { timeout: 10_000 });
  return stdout
    .split('\n')
    .map((line) => Number(line.trim()) * unit)
    .filter((bytes) => bytes > 0);
}

/** Leaves out files that the processes of a browser share. Empty when the process has ended. */
async function privateBytes(pid: number): Promise<number[]> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)].map(
    (match) => Number(match[1]) * 1024,
  );
}
