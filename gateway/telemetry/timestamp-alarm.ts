// Tells operators when the timestamps of most events are ahead by the same time, and when that
// ends: in the log once each time, in health and metrics as long as it lasts.

import { offsetProblem, TimestampOffsets } from '#core/event/timestamp-offsets.ts';
import type { Clock } from '#core/ports.ts';
import type { Log } from './gateway-log.ts';

export type TimestampAlarm = {
  /** An event was judged: its own timestamp, and that of its record (UTC ms). */
  add(timestamp: number, recordedAt: number): void;
  /** How far most events are ahead (0: they are not), and what to do about it. */
  state(): { readonly offsetSeconds: number; readonly problem: string | null };
};

export function createTimestampAlarm(clock: Clock, log: Log): TimestampAlarm {
  const offsets = new TimestampOffsets();
  let shown = 0;
  let problem: string | null = null;
  const look = (): void => {
    const offset = offsets.offsetAt(clock.monotonic());
    if (offset === shown) return;
    shown = offset;
    problem = offset === 0 ? null : offsetProblem(offset, clock.now());
    const fields = { offset_seconds: offset / 1000 };
    if (problem === null) log.info(fields, 'the timestamps of events are no longer ahead');
    else log.warn(fields, problem);
  };
  return {
    add(timestamp, recordedAt) {
      // Its record may have any time. An event that is not ahead of the clock does no harm.
      const offset = timestamp > clock.now() ? timestamp - recordedAt : 0;
      offsets.add(offset, clock.monotonic());
      look();
    },
    state() {
      look();
      return { offsetSeconds: shown / 1000, problem };
    },
  };
}
