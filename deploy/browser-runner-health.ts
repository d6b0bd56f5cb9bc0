// Tells a container engine whether this browser runner works: a page of it has joined its gateway,
// and said so a moment ago.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The runner writes every few seconds; an older file was left by one that is gone, or hangs. */
const ageMsMax = 30_000;

/**
 * `null` when a page works, else why none does. `files` are the contents of
 * `browser-runner/<n>/status-<m>.json`; `now`: UTC ms.
 */
export function troubleOf(files: readonly string[], now: number): string | null {
  const pages = files.map(pageOf).filter(({ at }) => now - at <= ageMsMax);
  if (pages.some(({ state }) => state === 'working')) return null;
  return (
    pages
      .map(({ state, lastError }) => `${state}${lastError === null ? '' : `: ${lastError}`}`)
      .join('; ') || 'no page has told anything for 30 s'
  );
}

/** A torn file is one of no page. */
function pageOf(file: string): { at: number; state: string; lastError: string | null } {
  try {
    const told: unknown = JSON.parse(file);
    if (typeof told !== 'object' || told === null || !('at' in told) || !('state' in told))
      return nothing;
    return {
      at: Number(told.at),
      state: String(told.state),
      lastError:
        'last_error' in told && typeof told.last_error === 'string' ? told.last_error : null,
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
