// Notices when the timestamps of most events in a minute are ahead of their records by the same
// time, as when a sender writes its local time as UTC. Names the time zones with this offset.

const hourMs = 3_600_000;
/** All offsets from UTC are multiples of this. */
const bucketMs = 15 * 60_000;
/** The largest offset from UTC is 14 hours; all that is further ahead is one bucket. */
const bucketMax = (14 * hourMs) / bucketMs + 1;
const windowMs = 60_000;
const eventsMin = 10;
/** A minute with few events changes nothing, but what was seen holds only this long. */
const heldMsMax = 10 * windowMs;

/** Times that are passed to it are monotonic, in ms. */
export class TimestampOffsets {
  /** Events of this minute by their number of buckets ahead, without those that are not ahead. */
  readonly #ahead = new Map<number, number>();
  #events = 0;
  #windowEnd = Number.NEGATIVE_INFINITY;
  #offset = 0;
  #offsetUntil = 0;

  /** @param offsetMs the event's timestamp minus that of its record */
  add(offsetMs: number, now: number): void {
    this.#endWindow(now);
    this.#events += 1;
    const bucket = Math.min(Math.round(offsetMs / bucketMs), bucketMax);
    if (bucket >= 1) this.#ahead.set(bucket, (this.#ahead.get(bucket) ?? 0) + 1);
  }

  /** How far most events are ahead, in ms: a multiple of 15 minutes; 0 while they are not. */
  offsetAt(now: number): number {
    this.#endWindow(now);
    return this.#offset;
  }

  #endWindow(now: number): void {
    if (now < this.#windowEnd) return;
    if (this.#events >= eventsMin) {
      const [bucket] = [...this.#ahead].find(([, events]) => events > this.#events / 2) ?? [0];
      this.#offset = bucket * bucketMs;
      this.#offsetUntil = this.#windowEnd + heldMsMax;
    }
    if (now >= this.#offsetUntil) this.#offset = 0;
    this.#ahead.clear();
    this.#events = 0;
    this.#windowEnd = now + windowMs;
  }
}

/**
 * What is wrong when most events are ahead by `offsetMs`, and what to do.
 *
 * @param now UTC ms: zones with summer time change their offset
 */
export function offsetProblem(offsetMs: number, now: number): string {
  if (offsetMs >= bucketMax * bucketMs)
    return `${dated('more than 14')}: correct the clock or the date format of their sender`;
  const offset = hoursAndMinutes(offsetMs);
  if (offsetMs < hourMs)
    return `${dated(offset)}: compare the clock of their sender with the one of this machine`;
  const known = zonesWith(offset, now);
  const examples = known.length === 0 ? '' : ` (such as ${known.join(', ')})`;
  return (
    `${dated(offset)}: their sender probably writes the local time of UTC+${offset}${examples} ` +
    `as UTC; let it write the offset +${offset} or convert to UTC. If its time is right, the ` +
    'clock of this machine is slow'
  );
}

const dated = (ahead: string): string =>
  `most events of a minute are dated ${ahead} hours ahead of their records`;

const hoursAndMinutes = (ms: number): string => {
  const [hours, minutes] = [Math.floor(ms / hourMs), (ms % hourMs) / 60_000];
  return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
};

/** Zones in which many people live: enough to recognise one's own. */
const zones = (
  'Europe/London Europe/Berlin Europe/Athens Europe/Istanbul Europe/Moscow Africa/Lagos ' +
  'Africa/Johannesburg Africa/Cairo Africa/Nairobi Asia/Tehran Asia/Dubai Asia/Karachi ' +
  'Asia/Kolkata Asia/Kathmandu Asia/Dhaka Asia/Yangon Asia/Jakarta Asia/Shanghai Asia/Tokyo ' +
  'Asia/Seoul Australia/Perth Australia/Adelaide Australia/Sydney Pacific/Auckland'
).split(' ');

function zonesWith(offset: string, now: number): readonly string[] {
  return zones.filter((timeZone) =>
    new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
      .format(now)
      .endsWith(`GMT+${offset}`),
  );
}
