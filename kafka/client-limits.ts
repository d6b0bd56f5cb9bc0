// The limits that every Kafka client works under, whichever library it is.

/**
 * How a client retries by itself. Its retries end soon, because the caller knows better whether to
 * go on. Times in ms.
 */
export const clientRetry = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
  retries: 5,
} as const;

export const connectMsMax = 3_000;
export const requestMsMax = 10_000;

/**
 * How long a fetch that finds nothing waits at the broker. A partition that was resumed is fetched
 * only after this time.
 */
export const fetchWaitMs = 100;
export const fetchBytesMax = { partition: 1024 * 1024, request: 8 * 1024 * 1024 };

/** How often a client asks whether a topic has more partitions. */
export const metadataMs = 30_000;
