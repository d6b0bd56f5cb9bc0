// A real Chromium for tests: with WebGPU on the processor, or without any; and a person who looks at a page in it.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import puppeteer, { type Browser, type LaunchOptions } from 'puppeteer';

const root = join(import.meta.dirname, '..', '..');

/** WebGPU emulated by the processor (about one text a second), which pages call a software adapter. */
export const softwareWebGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
export const noWebGpu = ['--disable-features=WebGPU', '--disable-webgpu'];

/** The one that is named, else the packaged one, unpacked; `null` where that package has none. */
export async function browserExecutable(): Promise<string | null> {
  const given = process.env['PUPPETEER_EXECUTABLE_PATH'];
  if (given !== undefined && given !== '') return given;
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const { default: chromium } = await import('@sparticuz/chromium');
  return chromium.executablePath();
}

/** Fails where CI is set and no browser is there; else says loudly that the tests are skipped. */
export async function needsBrowser(skip: (reason: string) => void): Promise<void> {
  const reason = await browserExecutable().then((path) => (path === null ? 'no packaged Chromium for this platform: set PUPPETEER_EXECUTABLE_PATH' : null), (error: unknown) => String(error));
  if (reason === null) return;
  if (process.env['CI']) throw new Error(`The tests in a browser cannot run: ${reason}`);
  process.stderr.write(`SKIPPED, tests in a browser: ${reason}\n`);
  skip(reason);
}

/** When their sources have changed. */
export function buildPages(): void {
  execFileSync(process.execPath, [join(root, 'scripts/build-pages.mjs')], { stdio: 'pipe' });
}

/** Also builds the pages when their sources have changed. It is gone when this process is, however that ends. */
export async function startBrowser(flags: readonly string[], options: LaunchOptions = {}): Promise<Browser> {
  const executablePath = await browserExecutable();
  if (executablePath === null) throw new Error('There is no browser.');
  buildPages();
  return puppeteer.launch({
    executablePath, pipe: true, headless: 'shell',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', ...flags],
    env: { ...process.env, LD_LIBRARY_PATH: [dirname(executablePath), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':') },
    ...options,
  });
}
