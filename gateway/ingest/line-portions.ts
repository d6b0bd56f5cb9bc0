// Cuts a stream of NDJSON into portions of whole lines, so that a body of any length is processed
// while it arrives, with little of it in memory.

import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import type { Hold } from './read-body.ts';

export type PortionOptions = {
  /** A portion is yielded when it has this many bytes… */
  readonly bytes: number;
  /** …or when it has a whole line and nothing has arrived for this long. */
  readonly quietMs: number;
  readonly clock: Clock;
  /** Reserves memory for bytes that wait for the end of their line. */
  readonly hold: Hold;
};

const newline = 0x0a;

/**
 * Each portion ends with a line break, except perhaps the last. Its memory is released when the
 * next one is requested.
 */
export async function* linePortions(
  chunks: AsyncGenerator<Uint8Array, void>,
  { bytes, quietMs, clock, hold }: PortionOptions,
): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let size = 0;
  /** Bytes up to and including the last line break. */
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
      const arrived =
        whole === 0 ? await next : await within(next, { ms: quietMs, clock, late: () => null });
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
    // The reader has left, so a failure does not matter.
    next.catch(() => undefined);
    await chunks.return();
  }
}
