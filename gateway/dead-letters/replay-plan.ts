// Decides whether a dead letter may be replayed, and makes the record for its source.

import { readRecord } from '#core/decode/read-record.ts';
import type { RecordSchema } from '#core/decode/record-schema.ts';
import { parseExactly } from '#core/event/exact-json.ts';
import { isDeeperThan } from '#core/event/json-guard.ts';
import { eventLimits, type EventLimits } from '#core/event/parse-event.ts';
import { firstTimestampHeader } from '#core/event/record-id.ts';
import type { EventTransform } from '#core/mapping/event-transform.ts';
import type { MappingSet } from '#core/mapping/record-mapping.ts';
import type { DeadLetterEntry, LogRecord } from '#core/ports.ts';
import { firstFailureHeaders, redriveCountHeader, redriveCountOf } from './failure-headers.ts';

export type ReplayRules = {
  /** How often one event may be replayed without `force`. */
  readonly redrivesMax: number;
  readonly event: EventLimits;
  readonly mappings: MappingSet;
};

export type ReplayOptions = {
  /** Replaces the value of the dead letter; `null` keeps it. */
  readonly payload: Uint8Array | null;
  /** Corrects the value of the dead letter; `null` keeps it. Not together with `payload`. */
  readonly transform: EventTransform | null;
  /** Replays even what was replayed before, was replayed too often, or cannot succeed. */
  readonly force: boolean;
  /** See `readRecord`. */
  readonly schema: RecordSchema | null;
  /** UTC ms. */
  readonly now: number;
};

export const refusalCodes = [
  'purged',
  'already_replayed',
  'being_replayed',
  'redriven_too_often',
  'value_cut',
  'still_invalid',
  'not_transformed',
  'refused_by_source',
] as const;
export type Refusal = { readonly code: (typeof refusalCodes)[number]; readonly detail: string };
type ReplayPlan = { readonly record: LogRecord } | { readonly refusal: Refusal };

const encoder = new TextEncoder();

/**
 * The record has the key and headers of the dead letter. Its timestamp is `now`, because logs
 * delete by timestamp and latency is measured from it. Headers carry the first timestamp, the first
 * failure and the number of replays.
 */
export function planReplay(
  deadLetter: DeadLetterEntry,
  { payload, transform, force, schema, now }: ReplayOptions,
  { redrivesMax, event: limits, mappings }: ReplayRules,
): ReplayPlan {
  const made = transform === null ? null : transformed(deadLetter.value, transform);
  const value = payload ?? made?.value ?? deadLetter.value;
  const { origin, headers, timestamp, key } = deadLetter;
  const parts = readRecord(
    { key, value, headers, timestamp, position: origin },
    { now, limits, mappings },
    schema,
  );
  const [problem] = parts.flatMap(({ read }) => ('reason' in read ? [read.message] : []));
  const [userId] = parts.flatMap(({ read }) => ('event' in read ? [read.event.userId] : []));
  const redrives = redriveCountOf(deadLetter.headers) + deadLetter.replays;
  const refusal = refusalOf(deadLetter, {
    isEdited: payload !== null,
    untransformed: made?.problem ?? null,
    force,
    redrives,
    redrivesMax,
    problem: problem ?? null,
  });
  if (refusal !== null) return { refusal };
  return {
    record: {
      // Without a key, events of one user could overtake each other.
      key: key ?? (userId === undefined ? null : encoder.encode(userId)),
      value,
      headers: {
        [firstTimestampHeader]: encoder.encode(String(timestamp)),
        ...headers,
        ...firstFailureHeaders(deadLetter),
        [redriveCountHeader]: encoder.encode(String(redrives + 1)),
      },
      timestamp: now,
    },
  };
}

type ReplayChecks = {
  readonly isEdited: boolean;
  /** Why the rule does not apply to it; `null` when it does, or when there is none. */
  readonly untransformed: string | null;
  readonly force: boolean;
  readonly redrives: number;
  readonly redrivesMax: number;
  /** Why the event is invalid; `null` when it is valid. */
  readonly problem: string | null;
};

function refusalOf(
  { state, replay, purge, value, valueBytes }: DeadLetterEntry,
  { isEdited, untransformed, force, redrives, redrivesMax, problem }: ReplayChecks,
): Refusal | null {
  if (state === 'purged')
    return {
      code: 'purged',
      detail:
        `It was purged${purge === null ? '' : ` by ${purge.by} at ${instantOf(purge.at)}`}: ` +
        'its payload is gone.',
    };
  if (!isEdited && value.length < valueBytes) {
    return {
      code: 'value_cut',
      detail:
        `The queue kept only ${value.length} of its ${valueBytes} bytes: ` +
        'send the whole event as payload.',
    };
  }
  if (untransformed !== null)
    return { code: 'not_transformed', detail: `The rule does not apply: ${untransformed}` };
  if (force) return null;
  if (state === 'replayed' && replay !== null) {
    const { topic, partition, offset } = replay.position;
    return {
      code: 'already_replayed',
      detail:
        `It was replayed by ${replay.by} at ${instantOf(replay.at)}, ` +
        `to ${topic}/${partition}/${offset}. Use force to replay it again.`,
    };
  }
  if (redrives >= redrivesMax) {
    return {
      code: 'redriven_too_often',
      detail:
        `It was replayed ${redrives} times and failed each time; at most ${redrivesMax} replays ` +
        'are allowed (ingest.redrivesMax). Use force to replay it again.',
    };
  }
  if (problem !== null)
    return {
      code: 'still_invalid',
      detail: `It would fail again: ${problem}. Send a correct event as payload.`,
    };
  return null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function transformed(
  bytes: Uint8Array,
  transform: EventTransform,
): { readonly value: Uint8Array | null; readonly problem: string | null } {
  let event: unknown;
  try {
    event = parseExactly(utf8.decode(bytes));
  } catch {
    return { value: null, problem: 'It is not JSON.' };
  }
  if (isDeeperThan(eventLimits.depthMax, event))
    return { value: null, problem: `It has more than ${eventLimits.depthMax} levels.` };
  const made = transform(event);
  return 'problem' in made
    ? { value: null, problem: made.problem }
    : { value: encoder.encode(JSON.stringify(made.value)), problem: null };
}

const instantOf = (ms: number): string => new Date(ms).toISOString();
