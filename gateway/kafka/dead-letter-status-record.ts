// Writes the status of a dead letter as a Kafka record whose key is the dead letter's id, and reads
// it back.

import { z } from 'zod';
import { isUuid } from '#core/event/uuid.ts';
import { deadLetterStates, type LogRecord } from '#core/ports.ts';
import type { StatusChange } from '../embedded/sql/dead-letter-tables.ts';

const actionSchema = z.object({ at: z.number(), by: z.string() });
const statusSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('not JSON');
      return z.NEVER;
    }
  })
  .pipe(
    z.object({
      state: z.enum(deadLetterStates),
      replays: z.int().min(0).default(0),
      replay: actionSchema
        .extend({ position: z.object({ topic: z.string(), partition: z.int(), offset: z.int() }) })
        .nullable()
        .default(null),
      purge: actionSchema.nullable().default(null),
    }),
  );

/** @param now UTC ms */
export const recordOfStatus = ({ id, status }: StatusChange, now: number): LogRecord => ({
  key: Buffer.from(id),
  value: Buffer.from(JSON.stringify(status)),
  headers: {},
  timestamp: now,
});

/** `null` for a record that is not a status. */
export function statusOfRecord({ key, value }: LogRecord): StatusChange | null {
  const id = textOf(key ?? new Uint8Array());
  const parsed = statusSchema.safeParse(textOf(value));
  return isUuid(id) && parsed.success ? { id, status: parsed.data } : null;
}

const erasedValue = '{"state":"erased"}';

/** Compaction removes earlier statuses of the dead letter, and keeps this one. */
export const recordOfErasure = (id: string, now: number): LogRecord => ({
  key: Buffer.from(id),
  value: Buffer.from(erasedValue),
  headers: {},
  timestamp: now,
});

/** The id of an erased dead letter; `null` for another record. */
export function erasedIdOf({ key, value }: LogRecord): string | null {
  const id = textOf(key ?? new Uint8Array());
  return isUuid(id) && textOf(value) === erasedValue ? id : null;
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
