// What the gateway's thread may ask of the database writer, and how the writer is started.

import type { IndexIdentity } from '#core/ports.ts';
import type { DeadLetterWrites } from './sql/dead-letter-tables.ts';
import type { LogBounds, LogWrites } from './sql/log-writes.ts';
import type { SessionWrites } from './sql/session-tables.ts';
import type { StoreWrites } from './sql/store-writes.ts';

export type WriterApi = LogWrites & StoreWrites & SessionWrites & DeadLetterWrites;

export type WriterOptions = {
  readonly folder: string;
  /** `null` when no vectors are kept. */
  readonly identity: IndexIdentity | null;
  readonly partitions: number;
  readonly bounds: LogBounds;
};
