// Computes rates from totals that arrive every second, and when the gateway will have caught up.

import type { Stats } from '../../client/client.ts';
import { formatCount } from '../shared/format.ts';

/** The totals at one time, in ms. */
export type Reading = {
  readonly at: number;
  readonly received: number;
  readonly stored: number;
  readonly lag: number | null;
};

const keptMs = 15_000;
/** A rate over less time would jump. */
const spanMsMin = 900;
const rateMs = 5_000;

/** Adds a reading, and drops what is too old to matter, or from before a restart. */
export function withReading(
  readings: readonly Reading[],
  at: number,
  { events }: Pick<Stats, 'events'>,
): readonly Reading[] {
  const { received, stored, lag } = events;
  const isRestarted = received < (readings.at(-1)?.received ?? 0);
  const kept = isRestarted ? [] : readings.filter((reading) => at - reading.at <= keptMs);
  return [...kept, { at, received, stored, lag }];
}

/** Events per second over the last seconds; `null` before there are two readings. */
export function ratesOf(
  readings: readonly Reading[],
): { readonly received: number; readonly stored: number } | null {
  const last = readings.at(-1);
  const first = readings.find(({ at }) => last !== undefined && last.at - at <= rateMs);
  if (first === undefined || last === undefined || last.at - first.at < spanMsMin) return null;
  const seconds = (last.at - first.at) / 1000;
  return {
    received: (last.received - first.received) / seconds,
    stored: (last.stored - first.stored) / seconds,
  };
}

/** A stream that flows always has some work waiting: less than this means that it keeps up. */
const ordinarySeconds = 3;

/** What the lag will become if it goes on as in the last seconds. */
export function catchUpText(readings: readonly Reading[]): string {
  const known = readings.filter((reading) => reading.lag !== null);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return 'not known now';
  const [before, lag] = [first.lag ?? 0, last.lag ?? 0];
  if (lag === 0) return 'caught up';
  const seconds = (last.at - first.at) / 1000;
  if (seconds * 1000 < spanMsMin) return 'measuring how fast it shrinks';
  if (lag / ((last.stored - first.stored) / seconds) < ordinarySeconds) return 'in work now';
  const perSecond = (before - lag) / seconds;
  if (perSecond < 0) return `grows by ${formatCount(Math.ceil(-perSecond))} a second`;
  if (perSecond === 0) return 'does not shrink now';
  return `caught up in ${durationText(lag / perSecond)}`;
}

/** `3 s`, `2 min`, `1.5 h`, `3 d` */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${(seconds / 3600).toFixed(1).replace('.0', '')} h`
    : `${Math.round(seconds / 86_400)} d`;
}

/** `0 ms`, `0.4 ms`, `41 ms`, `1.2 s`, `3 min` */
export function latencyText(ms: number): string {
  if (ms > 0 && ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : durationText(ms / 1000);
}
