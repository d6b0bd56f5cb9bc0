// Cuts a stream of NDJSON into portions of whole lines, so that a body of any length is taken in as
// it comes and little of it is in memory.

import type { Clock } from '#core/ports.ts';
import type { Hold } from './read-body.ts';

export type PortionOptions = {
  /** A portion goes on when it has so many bytes… */
  readonly bytes: number;
  /** …or when it has a whole line and nothing has come for so long. */
  readonly quietMs: number;
  readonly clock: Clock;
  /** Where room is taken for bytes that wait for the end of their line. */
  readonly hold: Hold;
};

const newline = 0x0a;

/**
 * Each portion ends with a line break, but the last one perhaps. Its bytes are given back when the
 * next one is asked for.
 */
export async function* linePortions(
  chunks: AsyncGenerator<Uint8Array, void>,
  { bytes, quietMs, clock, hold }: PortionOptions,
): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let size = 0;
  /** Bytes up to and with the last line break. */
  let whole = 0;
  const cut = (): Uint8Array => {
    const all = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const rest = all.subarray(whole);
    const portion = all.subarray(0, whole);
    // A copy: a view would keep the whole portion alive.
    parts = rest.length > 0 ? [Uint8Array.from(rest)] : [];
    size = rest.length;
    whole = 0;
    return portion;
  };
  let next = chunks.next();
  try {
    for (;;) {
      const arrived = whole === 0 ? await next : await withinMs(next, quietMs, clock);
      if (arrived !== null) {
        if (arrived.done === true) break;
        const chunk = arrived.value;
        await hold.take(chunk.length);
        const at = chunk.lastIndexOf(newline);
        if (at >= 0) whole = size + at + 1;
        parts.push(chunk);
        size += chunk.length;
      }
      const isDue = whole > 0 && (size >= bytes || arrived === null);
      if (arrived !== null) next = chunks.next();
      if (!isDue) continue;
      const portion = cut();
      yield portion;
      hold.giveBack(portion.length);
    }
    whole = size;
    if (size === 0) return;
    const last = cut();
    yield last;
    hold.giveBack(last.length);
  } finally {
    // Its failure, if it is one, has nobody left to hear it.
    next.catch(() => undefined);
    await chunks.return();
  }
}

/** `null`: not within that time. */
async function withinMs<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | null> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(
    () => null,
    () => null,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
