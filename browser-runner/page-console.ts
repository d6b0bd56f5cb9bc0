// Brings what a page writes to its console, and what it throws, into the runner's log: whole lines,
// bounded in length and number.

import type { Page } from 'puppeteer';
import type { Log } from './browser-runner-log.ts';

const charsMax = 500;
const linesMax = 20;
const perMs = 10_000;

/** `clean` takes out what must not be logged. */
export function relayConsole(page: Page, log: Log, clean: (text: string) => string): void {
  const room = createRoom(log);
  const text = (raw: string): string => clean(raw).replaceAll(/\s+/g, ' ').slice(0, charsMax);
  page.on('console', (message) => {
    if (!room()) return;
    const type = message.type();
    const level = type === 'error' ? 'error' : type === 'warn' ? 'warn' : 'debug';
    log[level]({ console: text(message.text()) }, 'page console');
  });
  page.on('pageerror', (error) => {
    if (room())
      log.error(
        { error: text(error instanceof Error ? (error.stack ?? error.message) : String(error)) },
        'the page threw',
      );
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    // The page's own doing.
    if (reason !== 'net::ERR_ABORTED' && room())
      log.warn(
        { url: text(request.url().split(/[?#]/)[0] ?? ''), reason },
        'the page could not load a file',
      );
  });
}

/**
 * Whether one more line may be written in this span of time. What was left out is counted and told
 * once.
 */
function createRoom(log: Log): () => boolean {
  let began = 0,
    written = 0,
    left = 0;
  return () => {
    const now = performance.now();
    if (now - began > perMs) {
      if (left > 0) log.warn({ lines: left }, 'page console: lines left out');
      [began, written, left] = [now, 0, 0];
    }
    if (++written <= linesMax) return true;
    left += 1;
    return false;
  };
}
