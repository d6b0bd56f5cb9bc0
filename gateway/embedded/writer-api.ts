// The calls that the gateway's thread can make to the database writer, and the writer's options.

import type { IndexIdentity } from '#core/ports.ts';
import type { DeadLetterWrites } from './sql/dead-letter-tables.ts';
import type { LogErasureWrites } from './sql/log-erasure.ts';
import type { LogBounds, LogWrites } from './sql/log-writes.ts';
import type { SessionWrites } from './sql/session-tables.ts';
import type { StoreWrites } from './sql/store-writes.ts';

export type WriterApi = LogWrites &
  LogErasureWrites &
  StoreWrites &
  SessionWrites &
  DeadLetterWrites & {
    /** Runs outside of any transaction. */
    scrub(): void;
  };

export type WriterOptions = {
  readonly folder: string;
  /** `null` when the folder holds no vectors. */
  readonly identity: IndexIdentity | null;
  readonly partitions: number;
  readonly bounds: LogBounds;
};
