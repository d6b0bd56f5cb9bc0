// Finds how far a time zone is from UTC at a local time, for date-times that are written without an
// offset.

import { UsageError } from '#core/errors/errors.ts';

/** ms east of UTC at a local time, which is given in ms as if it were UTC. */
export type ZoneOffset = (localMs: number) => number;

export const utcOffset: ZoneOffset = () => 0;

/** ms east of UTC for `Z`, `UTC`, `+01:00`, `-0530`, `+02`; `null` for any other text. */
export function fixedOffset(text: string): number | null {
  if (/^(Z|UTC|GMT)$/i.test(text)) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(text);
  if (match === null || Number(match[2]) > 14 || Number(match[3] ?? 0) > 59) return null;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60_000;
}

/**
 * The offset of `zone`, which is an offset such as `+01:00` or a zone such as `Europe/London`.
 *
 * @throws UsageError when `zone` is neither
 */
export function zoneOffset(zone: string): ZoneOffset {
  const fixed = fixedOffset(zone);
  if (fixed !== null) return () => fixed;
  const clock = zoneClock(zone);
  // The offset of a zone is slow to compute and times come nearly in order, so one result serves a
  // whole quarter of an hour.
  const quarter = 15 * 60_000;
  let [lastQuarter, lastOffset] = [Number.NaN, 0];
  return (localMs) => {
    if (Math.floor(localMs / quarter) === lastQuarter) return lastOffset;
    lastQuarter = Math.floor(localMs / quarter);
    // First as if local time were UTC, then again with the offset found there. This is correct on
    // both sides of a change.
    lastOffset = clock(localMs - clock(localMs));
    return lastOffset;
  };
}

/** ms east of UTC at a moment. */
function zoneClock(zone: string): (utcMs: number) => number {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    return (ms) => {
      const name =
        format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
      return fixedOffset(name.replace(/^GMT(?=[+-])/, '')) ?? 0;
    };
  } catch (error) {
    throw new UsageError(
      `time zone ${zone}: is neither an offset such as +01:00 nor a zone such as Europe/London`,
      { cause: error },
    );
  }
}
