// Defaults and bounds that a setting shares with a part of the gateway that also opens without
// settings. All others stand beside their settings, in settings/.

/** The partitions of a new embedded log, and the bounds of what it keeps. */
export const defaultLog = {
  partitions: 4,
  unreadBytesMax: 2 ** 30,
  retentionBytes: 256 * 2 ** 20,
  retentionMs: 7 * 24 * 3_600_000,
} as const;

/** The time between two rounds of checks of a runner. */
export const defaultCheckIntervalMs = 60_000;

/** The highest value of `pipeline.unsettledMax`. The fleet has room for as many texts. */
export const unsettledMaxHighest = 1_000_000;
