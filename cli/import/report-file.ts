// Writes turned-away rows to a JSON file as they are found, so that a report of millions of rows
// needs no memory.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';
import type { LineAccount, TurnedAwayRow } from './import-report.ts';

export type ReportFile = {
  write(row: TurnedAwayRow): void;
  /** Resolves when the file accepts more. Await it between rows. */
  drained(): Promise<void>;
  /** `null` when the import failed. */
  close(summary: (LineAccount & Readonly<Record<string, unknown>>) | null): Promise<void>;
};

/**
 * `{"turned_away": [{line, lines, reason, detail, sample}, …], "summary": {…}}`. Throws
 * `UsageError` when it cannot be written.
 */
export async function openReportFile(path: string): Promise<ReportFile> {
  const handle = await open(path, 'w').catch((error: unknown) => {
    throw new UsageError(
      `--report ${path}: cannot be written ` +
        `(${error instanceof Error ? error.message : String(error)})`,
      { cause: error },
    );
  });
  const stream = createWriteStream(path, { fd: handle, encoding: 'utf8' });
  let trouble: Error | null = null;
  stream.on('error', (error) => {
    trouble = error;
  });
  let separator = '';
  stream.write('{"turned_away":[');
  return {
    write(row) {
      stream.write(`${separator}\n${JSON.stringify(row)}`);
      separator = ',';
    },
    async drained() {
      if (trouble !== null) throw trouble;
      if (stream.writableNeedDrain) await once(stream, 'drain');
    },
    async close(summary) {
      stream.end(`\n],"summary":${JSON.stringify(summary)}}\n`);
      await once(stream, 'close');
      if (trouble !== null) throw trouble;
    },
  };
}

export const noReportFile: ReportFile = {
  write: () => {},
  drained: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
