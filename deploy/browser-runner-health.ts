// Health check of a browser runner for container engines: one of its pages works and has reported
// that recently.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The runner writes every few seconds. An older file is of a page that ended or hangs. */
const ageMsMax = 30_000;

/**
 * `null` when a page works, else why none does. `files` are the contents of
 * `browser-runner/<n>/status-<m>.json`; `now` is in UTC ms.
 */
export function troubleOf(files: readonly string[], now: number): string | null {
  const pages = files.map(pageOf).filter(({ at }) => now - at <= ageMsMax);
  if (pages.some(({ state }) => state === 'working')) return null;
  return (
    pages
      .map(({ state, lastError }) => `${state}${lastError === null ? '' : `: ${lastError}`}`)
      .join('; ') || 'no page has reported for 30 s'
  );
}

/** A file that is not complete JSON counts as no page. */
function pageOf(file: string): { at: number; state: string; lastError: string | null } {
  try {
    const status: unknown = JSON.parse(file);
    if (typeof status !== 'object' || status === null || !('at' in status) || !('state' in status))
      return nothing;
    return {
      at: Number(status.at),
      state: String(status.state),
      lastError:
        'last_error' in status && typeof status.last_error === 'string' ? status.last_error : null,
    };
  } catch {
    return nothing;
  }
}
const nothing = { at: -Infinity, state: '', lastError: null };

function statusFiles(dataDir: string): readonly string[] {
  try {
    return readdirSync(join(dataDir, 'browser-runner'), { recursive: true })
      .map(String)
      .filter((name) => /^\d+[\\/]status-\d+\.json$/.test(name))
      .map((name) => readFileSync(join(dataDir, 'browser-runner', name), 'utf8'));
  } catch {
    return [];
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const trouble = troubleOf(
    statusFiles(process.env['VECTORSTREAM_DATA_DIR'] || '.vectorstream'),
    Date.now(),
  );
  process.stdout.write(`${trouble ?? 'works'}\n`);
  process.exitCode = trouble === null ? 0 : 1;
}
