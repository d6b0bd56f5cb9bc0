// The source of time.

/** The only source of time, so that a test can control every wait. */
export type Clock = {
  /** UTC, milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary origin. Never goes back: use it for durations. */
  monotonic(): number;
  /**
   * Resolves after `ms`. Rejects with `signal.reason` as soon as the signal aborts. Leaves no
   * listener behind.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};
