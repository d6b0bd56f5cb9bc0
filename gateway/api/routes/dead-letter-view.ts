// Shows a dead letter as JSON: its bytes as text if they are UTF-8, and in base64 otherwise.

import { z } from '@hono/zod-openapi';
import { deadLetterReasons, deadLetterStates, type DeadLetterEntry } from '#core/ports.ts';
import { redriveCountOf } from '../../dead-letters/failure-headers.ts';
import type { DeadLetterFilter } from '../../dead-letters/replay.ts';
import { inOrder, instant, millisecondsOf } from './schemas.ts';

export const positionSchema = z.object({ topic: z.string(), partition: z.int(), offset: z.int() });

export const exampleDeadLetter = {
  id: '6f12a985-bfaf-5bed-b410-3ea6ddad5316',
  state: 'open',
  reason: 'invalid_event',
  message: 'product.price: got "39,90 €", allowed: a finite number from 0 to 1e9',
  field: 'product.price',
  event_id: 'e-1',
  failed_at: '2026-01-31T12:00:00.140Z',
  attempts: 1,
  runner: null,
  redrive_count: 0,
  replayed: null,
  purged: null,
  origin: { topic: 'ecommerce-events', partition: 2, offset: 494 },
  timestamp: '2026-01-31T12:00:00.020Z',
  key: 'u-7',
  value: '{"event_id":"e-1","product":{"id":"p-1042","name":"Enamel kettle","price":"39,90 €"}}',
  value_bytes: 87,
  value_truncated: false,
  headers: {},
  base64: [],
} as const;

export const deadLetterSchema = z
  .object({
    id: z.string(),
    state: z.enum(deadLetterStates),
    reason: z.enum(deadLetterReasons),
    message: z.string(),
    field: z.string().nullable(),
    event_id: z.string().nullable(),
    failed_at: z.iso.datetime(),
    attempts: z.int(),
    runner: z.string().nullable(),
    redrive_count: z.int().openapi({
      description: 'How often the event was replayed, as this dead letter and as earlier ones.',
    }),
    replayed: z
      .object({ at: z.iso.datetime(), by: z.string(), position: positionSchema })
      .nullable()
      .openapi({
        description: 'The last replay: when, by whom, and to which position.',
      }),
    purged: z.object({ at: z.iso.datetime(), by: z.string() }).nullable(),
    origin: positionSchema,
    timestamp: z.iso.datetime(),
    key: z.string().nullable(),
    value: z.string().openapi({ description: 'The original bytes as text.' }),
    value_bytes: z
      .int()
      .openapi({ description: 'Size of the original value, even if only a part of it is stored.' }),
    value_truncated: z.boolean(),
    headers: z.record(z.string(), z.string()),
    base64: z.array(z.string()).openapi({
      description:
        'Members that are not UTF-8 and therefore shown in base64: value, key, headers.NAME.',
    }),
  })
  .openapi('DeadLetter', { example: exampleDeadLetter });

/** Which dead letters, in a query string or in a body. */
export const deadLetterFilterFields = {
  reason: z.enum(deadLetterReasons).optional(),
  state: z.enum(deadLetterStates).optional(),
  since: instant.optional().openapi({ description: 'Failed at this time or later.' }),
  until: instant.optional(),
  text: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .openapi({ description: 'Contained in the message or the value; A to Z match a to z.' }),
};

export function deadLetterFilterOf({
  reason,
  state,
  text,
  ...times
}: z.infer<z.ZodObject<typeof deadLetterFilterFields>>): DeadLetterFilter {
  const [since, until] = [millisecondsOf(times.since), millisecondsOf(times.until)];
  inOrder('since', since, 'until', until);
  return {
    ...(reason !== undefined && { reason }),
    ...(state !== undefined && { state }),
    ...(text !== undefined && { text }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

export type DeadLetterView = z.infer<typeof deadLetterSchema>;
export type DeadLetterListQuery = z.input<z.ZodObject<typeof deadLetterFilterFields>>;

/** Cuts `value` to `bytesMax`; the entry needs a few more bytes, to cut between characters. */
export function deadLetterView(deadLetter: DeadLetterEntry, bytesMax: number): DeadLetterView {
  const base64: string[] = [];
  const shown = (member: string, bytes: Uint8Array): string => {
    const text = textOf(bytes);
    if (text === null) base64.push(member);
    return text ?? Buffer.from(bytes).toString('base64');
  };
  return {
    id: deadLetter.id,
    state: deadLetter.state,
    reason: deadLetter.reason,
    message: deadLetter.message,
    field: deadLetter.field,
    event_id: deadLetter.eventId,
    failed_at: new Date(deadLetter.failedAt).toISOString(),
    attempts: deadLetter.attempts,
    runner: deadLetter.runner,
    redrive_count: redriveCountOf(deadLetter.headers) + deadLetter.replays,
    replayed:
      deadLetter.replay === null
        ? null
        : {
            at: new Date(deadLetter.replay.at).toISOString(),
            by: deadLetter.replay.by,
            position: deadLetter.replay.position,
          },
    purged:
      deadLetter.purge === null
        ? null
        : { at: new Date(deadLetter.purge.at).toISOString(), by: deadLetter.purge.by },
    origin: deadLetter.origin,
    timestamp: new Date(deadLetter.timestamp).toISOString(),
    key: deadLetter.key === null ? null : shown('key', deadLetter.key),
    value: shown('value', beginning(deadLetter.value, bytesMax)),
    value_bytes: deadLetter.valueBytes,
    value_truncated: deadLetter.valueBytes > Math.min(deadLetter.value.length, bytesMax),
    headers: Object.fromEntries(
      Object.entries(deadLetter.headers).map(([name, value]) => [
        name,
        shown(`headers.${name}`, value),
      ]),
    ),
    base64,
  };
}

/**
 * The first `bytesMax` bytes at most, not cut inside a UTF-8 character, whose later bytes are
 * 10xxxxxx.
 */
function beginning(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length <= bytesMax) return bytes;
  let end = bytesMax;
  while (end > bytesMax - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `null` when the bytes are not UTF-8: a replacement character would lose them. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
