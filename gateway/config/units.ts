// Units in which defaults and bounds are written.

/** Milliseconds. */
export const minute = 60_000;
export const hour = 60 * minute;
/** Bytes. */
export const mebibyte = 2 ** 20;
export const gibibyte = 2 ** 30;
