// Writes a page's console, its errors and its failed requests to the runner's log, as single lines
// of bounded length and number.

import type { Page } from 'puppeteer';
import type { Log } from './browser-runner-log.ts';

const charsMax = 500;
const linesMax = 20;
/** The page itself cancels requests, and asks whether the browser's cache has a file. */
const intended: ReadonlySet<string> = new Set(['net::ERR_ABORTED', 'net::ERR_CACHE_MISS']);
/** At most `linesMax` lines are logged in this many ms. */
const windowMs = 10_000;

/** `clean` removes secrets from a text. */
export function relayConsole(page: Page, log: Log, clean: (text: string) => string): void {
  const isAllowed = createLineLimit(log);
  const text = (raw: string): string => clean(raw).replaceAll(/\s+/g, ' ').slice(0, charsMax);
  page.on('console', (message) => {
    if (!isAllowed()) return;
    const type = message.type();
    const level = type === 'error' ? 'error' : type === 'warn' ? 'warn' : 'debug';
    log[level]({ console: text(message.text()) }, 'page console');
  });
  page.on('pageerror', (error) => {
    if (isAllowed())
      log.error(
        { error: text(error instanceof Error ? (error.stack ?? error.message) : String(error)) },
        'the page threw',
      );
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    if (!intended.has(reason) && isAllowed())
      log.warn(
        { url: text(request.url().split(/[?#]/)[0] ?? ''), reason },
        'the page could not load a file',
      );
  });
}

/**
 * Returns whether one more line may be written now. Lines beyond the limit are counted, and their
 * number is logged once.
 */
function createLineLimit(log: Log): () => boolean {
  let startedAt = 0;
  let written = 0;
  let omitted = 0;
  return () => {
    const now = performance.now();
    if (now - startedAt > windowMs) {
      if (omitted > 0) log.warn({ lines: omitted }, 'page console: lines left out');
      [startedAt, written, omitted] = [now, 0, 0];
    }
    if (++written <= linesMax) return true;
    omitted += 1;
    return false;
  };
}
