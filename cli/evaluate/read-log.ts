// Reads an event log into memory as an import would, and leaves out what an import turns away.

import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { EventType, Product } from '#core/ports.ts';
import type { BrokenLine, CsvRow } from '../import/csv-records.ts';
import { lineDecoder } from '../import/decode.ts';
import { planImport } from '../import/import-plan.ts';
import { LineSplitter } from '../import/lines.ts';
import { openLog } from '../import/open-file.ts';
import { textLine } from '../import/text-line.ts';

export type LoggedEvent = {
  readonly sessionId: string;
  readonly userId: string;
  readonly productId: string;
  readonly eventType: EventType;
  /** UTC ms. */
  readonly timestamp: number;
};

export type EventLog = {
  /** Events about products, oldest first. */
  readonly events: readonly LoggedEvent[];
  /** Products by id, each as its newest event describes it. */
  readonly products: ReadonlyMap<string, Product>;
};

/**
 * @param onProgress with the bytes of the file that were read
 * @throws UsageError for a file or mapping that cannot be used
 */
export async function readLog(
  path: string,
  mapping: string | null,
  onProgress: (bytesRead: number) => void,
): Promise<EventLog> {
  const plan = await planImport(path, {
    mapping,
    delimiter: null,
    quote: null,
    encoding: null,
    decimal: null,
    dateFormat: null,
    timeZone: null,
    skipLines: null,
  });
  const { encoding, encodingDetected, newline } = plan.dialect;
  const log = await openLog(
    path,
    encoding === 'utf-16le' || encoding === 'utf-16be' ? encoding : null,
  );
  const splitter = new LineSplitter(newline);
  const reader = plan.newReader();
  const decode = lineDecoder(encoding, encodingDetected);
  const encoder = new TextEncoder();
  const events: LoggedEvent[] = [];
  const products = new Map<string, Product>();
  let isHeader = plan.header;

  const take = (row: CsvRow | BrokenLine): void => {
    if ('broken' in row || row.line <= plan.dialect.skipLines) return;
    if (isHeader) {
      isHeader = false;
      return;
    }
    const made = plan.toEvent(row.fields, uuidV5(`${path}:${row.line}`));
    if (typeof made !== 'string') return;
    const event = parseEvent(encoder.encode(made), Date.now());
    if (isRejection(event) || event.product === null || event.eventType === 'search') return;
    const { sessionId, userId, eventType, timestamp, product } = event;
    products.set(product.id, product);
    events.push({ sessionId, userId, productId: product.id, eventType, timestamp });
  };

  for await (const chunk of log.chunks) {
    for (const line of splitter.push(chunk))
      for (const row of reader.push(textLine(line, decode))) take(row);
    onProgress(log.bytesRead());
  }
  for (const line of splitter.end())
    for (const row of reader.push(textLine(line, decode))) take(row);
  for (const row of reader.end()) take(row);
  return { events: events.toSorted((a, b) => a.timestamp - b.timestamp), products };
}
