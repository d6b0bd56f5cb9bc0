// Decides whether a dead letter may go back to its source, and makes the record that does.

import { isRejection, parseEvent, type EventLimits } from '#core/event/parse-event.ts';
import type { DeadLetterEntry, LogRecord } from '#core/ports.ts';
import {
  firstFailureHeaders,
  firstTimestampHeader,
  redriveCountHeader,
  redriveCountOf,
} from './failure-headers.ts';

export type ReplayRules = {
  /** How often one event may be put back before somebody has to insist. */
  readonly redrivesMax: number;
  readonly event: EventLimits;
};

export type ReplayOptions = {
  /** In place of the letter's own value; `null` for that one. */
  readonly payload: Uint8Array | null;
  /** Does what was done before, was done too often or cannot succeed. */
  readonly force: boolean;
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
  'refused_by_source',
] as const;
export type Refusal = { readonly code: (typeof refusalCodes)[number]; readonly detail: string };
export type ReplayPlan = { readonly record: LogRecord } | { readonly refusal: Refusal };

const encoder = new TextEncoder();

/**
 * The record has the letter's key and headers. Its timestamp is `now`, since a log deletes by
 * timestamp and latency is counted from it; the first one goes along as a header, and so do the
 * first failure and the number of times that the event was put back.
 */
export function planReplay(
  letter: DeadLetterEntry,
  { payload, force, now }: ReplayOptions,
  { redrivesMax, event: limits }: ReplayRules,
): ReplayPlan {
  const value = payload ?? letter.value;
  const event = parseEvent(value, now, limits);
  const redrives = redriveCountOf(letter.headers) + letter.replays;
  const refusal = refusalOf(letter, {
    isEdited: payload !== null,
    force,
    redrives,
    redrivesMax,
    problem: isRejection(event) ? event.message : null,
  });
  if (refusal !== null) return { refusal };
  return {
    record: {
      // Without a key events of a user may overtake each other.
      key: letter.key ?? (isRejection(event) ? null : encoder.encode(event.userId)),
      value,
      headers: {
        [firstTimestampHeader]: encoder.encode(String(letter.timestamp)),
        ...letter.headers,
        ...firstFailureHeaders(letter),
        [redriveCountHeader]: encoder.encode(String(redrives + 1)),
      },
      timestamp: now,
    },
  };
}

type Circumstances = {
  readonly isEdited: boolean;
  readonly force: boolean;
  readonly redrives: number;
  readonly redrivesMax: number;
  readonly problem: string | null;
};

function refusalOf(
  { state, replay, purge, value, valueBytes }: DeadLetterEntry,
  { isEdited, force, redrives, redrivesMax, problem }: Circumstances,
): Refusal | null {
  if (state === 'purged')
    return {
      code: 'purged',
      detail: `It was purged${purge === null ? '' : ` by ${purge.by} at ${instantOf(purge.at)}`}: its payload is gone.`,
    };
  if (!isEdited && value.length < valueBytes) {
    return {
      code: 'value_cut',
      detail: `The queue kept ${value.length} of ${valueBytes} bytes of it: send the whole event as payload.`,
    };
  }
  if (force) return null;
  if (state === 'replayed' && replay !== null) {
    const { topic, partition, offset } = replay.position;
    return {
      code: 'already_replayed',
      detail: `It was put back by ${replay.by} at ${instantOf(replay.at)}, to ${topic}/${partition}/${offset}. With force it is put back again.`,
    };
  }
  if (redrives >= redrivesMax) {
    return {
      code: 'redriven_too_often',
      detail: `It was put back ${redrives} times and failed each time; at most ${redrivesMax} are allowed (ingest.redrivesMax). With force it is put back again.`,
    };
  }
  if (problem !== null)
    return {
      code: 'still_invalid',
      detail: `It would fail again: ${problem}. Send a correct event as payload.`,
    };
  return null;
}

const instantOf = (ms: number): string => new Date(ms).toISOString();
