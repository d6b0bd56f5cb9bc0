// The pipeline of an import: bytes → lines → rows → events → acknowledgements. It accounts for
// every line.

import { assert } from '#core/errors/assert.ts';
import { UsageError } from '#core/errors/errors.ts';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { Clock } from '#core/ports.ts';
import type { BrokenLine, CsvRow } from './csv-records.ts';
import { lineDecoder } from './decode.ts';
import type { Plan } from './import-plan.ts';
import { type LineAccount, Report } from './import-report.ts';
import { type Line, LineSplitter } from './lines.ts';
import { openLog } from './open-file.ts';
import { OrderedSender, type Post } from './ordered-sender.ts';
import type { ReportFile } from './report-file.ts';
import type { ProgressFile, SavedProgress } from './saved-progress.ts';
import { textLine } from './text-line.ts';

export type ImportOptions = {
  readonly path: string;
  readonly plan: Plan;
  /** SHA-256 of the unpacked file. With the line number it identifies an event. */
  readonly hash: string;
  /** `null`: a dry run. */
  readonly target: {
    readonly post: Post;
    readonly saved: ProgressFile;
    readonly fingerprint: string;
    readonly restart: boolean;
  } | null;
  /** Data rows to read; `Infinity` for all. */
  readonly limit: number;
  readonly reportFile: ReportFile;
  readonly clock: Clock;
  /** Stops between rows; batches in flight are awaited. */
  readonly signal: AbortSignal;
  onProgress(bytesRead: number, size: number, rows: number): void;
};

export type ImportResult = {
  readonly account: LineAccount;
  readonly ended: 'complete' | 'limit' | 'stopped';
  readonly resumedAtLine: number;
  /** What the first event is about: a product's name or a search; `null` without events. */
  readonly example: string | null;
};

/**
 * Every row passes the gateway's check here first. A gateway that refuses more rows than this has
 * another version.
 */
const refusedMax = 1000;

type Sent = {
  readonly bytes: Uint8Array;
  readonly line: number;
  readonly lines: number;
  readonly sample: string;
  readonly name: string | null;
};

/** Rejects with the target's error, after saving the progress. */
export async function importLog(options: ImportOptions): Promise<ImportResult> {
  const { target, signal, clock } = options;
  const report = new Report((row) => options.reportFile.write(row));
  const earlier =
    target === null || target.restart ? null : await target.saved.load(target.fingerprint);
  const progress: SavedProgress = {
    version: 1,
    file: options.path,
    fingerprint: target?.fingerprint ?? '',
    acknowledged_line: earlier?.acknowledged_line ?? 0,
    refused: earlier?.refused ?? [],
  };
  const resumedAtLine = progress.acknowledged_line;
  const refusedEarlier = new Map(progress.refused.map(({ line, message }) => [line, message]));
  const sender = target === null ? null : newSender(target.post, report, progress);

  let example: string | null = null;
  const takeRow = rowTaker(options, report, async (row) => {
    example ??= row.name;
    if (row.line <= resumedAtLine) {
      const refusal = refusedEarlier.get(row.line);
      if (refusal === undefined) report.already(row);
      else report.turnedAway(refusedRow(row, refusal));
      return;
    }
    report.queued(row);
    if (sender === null || target === null) return report.accepted(row);
    await sender.add(row);
    await target.saved.saveSometimes(progress, clock.monotonic());
  });

  try {
    const ended = await readRows(options, report, takeRow);
    if (ended === 'stopped') await sender?.settle();
    else await sender?.flush();
    if (ended === 'complete' && !signal.aborted) await target?.saved.remove();
    else await target?.saved.save(progress);
    return { account: report.account(), ended, resumedAtLine, example };
  } catch (error) {
    await target?.saved.save(progress);
    // After Ctrl-C, batches in flight may fail because of it.
    if (signal.aborted)
      return { account: report.account(), ended: 'stopped', resumedAtLine, example };
    throw error;
  }
}

type TakeRow = (row: CsvRow | BrokenLine) => Promise<void>;

/** Reads the rows of the file. Every line belongs to exactly one row. */
async function readRows(
  options: ImportOptions,
  report: Report,
  take: TakeRow,
): Promise<ImportResult['ended']> {
  const { plan, limit, signal } = options;
  const { encoding, encodingDetected, newline } = plan.dialect;
  const log = await openLog(
    options.path,
    encoding === 'utf-16le' || encoding === 'utf-16be' ? encoding : null,
  );
  const splitter = new LineSplitter(newline);
  const reader = plan.newReader();
  const decode = lineDecoder(encoding, encodingDetected);
  let lines = 0;
  function* rowsOfLines(from: Iterable<Line>): Generator<CsvRow | BrokenLine> {
    for (const line of from) {
      lines = line.number;
      const text = textLine(line, decode);
      // The lines above the header are not records: an open quote there opens nothing.
      if (line.number <= plan.dialect.skipLines)
        yield { line: line.number, lines: 1, fields: [text.text] };
      else yield* reader.push(text);
    }
  }
  async function* batches(): AsyncGenerator<Iterable<CsvRow | BrokenLine>> {
    for await (const chunk of log.chunks) {
      yield rowsOfLines(splitter.push(chunk));
      await options.reportFile.drained();
      options.onProgress(log.bytesRead(), log.size, report.rowsRead());
    }
    yield rowsOfLines(splitter.end());
    yield reader.end();
  }
  for await (const batch of batches()) {
    for (const row of batch) {
      if (signal.aborted) return 'stopped';
      if (report.rowsRead() >= limit) return 'limit';
      await take(row);
    }
  }
  assert(
    report.account().lines.read === lines,
    `${lines} lines were read and ${report.account().lines.read} accounted for`,
  );
  return 'complete';
}

function rowTaker(
  options: ImportOptions,
  report: Report,
  send: (row: Sent) => Promise<void>,
): TakeRow {
  const { plan, hash, clock } = options;
  const encoder = new TextEncoder();
  let headerComes = plan.header;
  return async (row) => {
    report.read(row);
    if ('broken' in row)
      return report.turnedAway({ ...row, reason: row.broken, detail: row.sample.slice(0, 80) });
    if (row.line <= plan.dialect.skipLines) return report.header(row);
    if (isBlank(row.fields, plan)) return report.empty(row);
    if (headerComes) {
      headerComes = false;
      return report.header(row);
    }
    const { line, lines } = row;
    const sample = row.fields.join(plan.dialect.delimiter);
    const fields = fitted(row.fields, plan.columns);
    if (fields === null) {
      return report.turnedAway({
        line,
        lines,
        sample,
        reason: 'wrong number of columns',
        detail: `${row.fields.length}, the header has ${plan.columns}`,
      });
    }
    const made = plan.toEvent(fields, uuidV5(`${hash}:${line}`));
    if (typeof made !== 'string') return report.turnedAway({ line, lines, sample, ...made });
    const bytes = encoder.encode(made);
    const event = parseEvent(bytes, clock.now());
    if (isRejection(event)) {
      return report.turnedAway({
        line,
        lines,
        sample,
        reason: event.field === null ? event.reason.replaceAll('_', ' ') : `invalid ${event.field}`,
        detail: event.message,
      });
    }
    const name = event.product?.name ?? event.searchQuery;
    await send({ bytes, line, lines, sample: sample.slice(0, 200), name });
  };
}

/** Whether the line is empty or has only delimiters, as spreadsheets write them. */
function isBlank(fields: readonly string[], plan: Plan): boolean {
  return (
    (plan.dialect.kind === 'csv' || fields.length === 1) &&
    fields.every((text) => text.trim() === '')
  );
}

/**
 * The row without empty surplus columns at its end, as spreadsheets write them; `null` when the
 * number of columns is wrong.
 */
function fitted(fields: readonly string[], columns: number | null): readonly string[] | null {
  if (columns === null || fields.length === columns) return fields;
  return fields.length > columns && fields.slice(columns).every((text) => text.trim() === '')
    ? fields.slice(0, columns)
    : null;
}

function newSender(post: Post, report: Report, progress: SavedProgress): OrderedSender<Sent> {
  return new OrderedSender<Sent>({
    post,
    batchRowsMax: 500,
    batchBytesMax: 1024 * 1024,
    inFlightMax: 4,
    onAcknowledged(rows, refusals) {
      for (const [index, row] of rows.entries()) {
        const message = refusals.get(index);
        if (message === undefined) {
          report.accepted(row);
          continue;
        }
        report.refused(refusedRow(row, message));
        progress.refused.push({ line: row.line, message });
      }
      progress.acknowledged_line = rows.at(-1)?.line ?? progress.acknowledged_line;
      if (progress.refused.length > refusedMax) {
        throw new UsageError(
          `the gateway refuses rows that are valid here (${progress.refused.length} so far, ` +
            `the last: ${progress.refused.at(-1)?.message}); is it of the same version?`,
        );
      }
    },
  });
}

function refusedRow(row: Sent, message: string) {
  return {
    line: row.line,
    lines: row.lines,
    sample: row.sample,
    reason: 'refused by the gateway',
    detail: message,
  };
}
