// Ensures that a file under its final name is a whole export: it is written beside it, and renamed
// at the end.

import { rename, rm } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';
import type { TextPage } from '../../client/client.ts';
import { exportRow } from './export-row.ts';
import { openNdjson, openParquet, type RowFile } from './row-files.ts';

const formats: Readonly<Record<string, (path: string) => RowFile | Promise<RowFile>>> = {
  '.parquet': openParquet,
  '.ndjson': openNdjson,
  '.jsonl': openNdjson,
};

/** @throws UsageError when the ending of `path` names no format */
export function formatOf(path: string): (path: string) => RowFile | Promise<RowFile> {
  const found = Object.entries(formats).find(([ending]) => path.toLowerCase().endsWith(ending));
  if (found !== undefined) return found[1];
  throw new UsageError(
    `The file "${path}" does not say its format; allowed are names that end with ` +
      `${Object.keys(formats).join(', ')}.`,
  );
}

/**
 * Writes the texts of these pages, at most `limit`, and resolves to their number. When anything
 * fails, no file is left and one that was there stays.
 */
export async function writeExport(
  path: string,
  pages: AsyncIterable<TextPage>,
  limit: number,
  onWritten: (texts: number) => void,
): Promise<number> {
  const openFile = formatOf(path);
  const unfinished = `${path}.part`;
  try {
    const written = await writePages(await openFile(unfinished), pages, limit, onWritten);
    await rename(unfinished, path);
    return written;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function writePages(
  opened: RowFile,
  pages: AsyncIterable<TextPage>,
  limit: number,
  onWritten: (texts: number) => void,
): Promise<number> {
  await using file = opened;
  let written = 0;
  for await (const { items, model } of pages) {
    const rows = items.slice(0, limit - written).map((text) => exportRow(text, model));
    await file.write(rows);
    written += rows.length;
    onWritten(written);
    if (written >= limit) break;
  }
  await file.finish();
  return written;
}
