// Writes events as NDJSON to a file or to standard output, with backpressure.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { UsageError } from '#core/errors/errors.ts';
import type { GeneratedEvent } from './event-stream.ts';

const chunkBytes = 1 << 18;
const lineBreak = Buffer.from('\n');

/** Resolves to the number of written events: fewer than all when the signal aborted. */
export async function writeEvents(
  events: Iterable<GeneratedEvent>,
  path: string,
  stop: AbortSignal,
): Promise<number> {
  const out = path === '-' ? process.stdout : createWriteStream(path);
  if (path !== '-') {
    await once(out, 'open').catch((error: Error) => {
      throw new UsageError(`--out ${path} cannot be written: ${error.message}.`);
    });
  }
  let written = 0;
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (parts.length > 0 && !out.write(Buffer.concat(parts, bytes)))
      await once(out, 'drain', { signal: stop }).catch(() => undefined);
    parts = [];
    bytes = 0;
  };
  for (const { line } of events) {
    if (stop.aborted) break;
    parts.push(line, lineBreak);
    bytes += line.length + 1;
    written += 1;
    if (bytes >= chunkBytes) await flush();
  }
  await flush();
  if (path !== '-') {
    out.end();
    await finished(out);
  }
  return written;
}
