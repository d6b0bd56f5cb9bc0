// The messages between supervisor and worker on the process channel, and the request that starts a
// worker.

import { z } from 'zod';
import { sessionSchema } from './session-request.ts';

/**
 * A worker's first argument, as JSON. It does not contain the token, because every user of the
 * machine can read arguments.
 */
export const workerRequestSchema = sessionSchema.extend({
  gatewayUrls: z.array(z.string()).min(1),
  dataDir: z.string(),
  name: z.string(),
  logLevel: z.string(),
  logFormat: z.enum(['json', 'pretty']),
});
export type WorkerRequest = z.infer<typeof workerRequestSchema>;

export const fromWorkerSchema = z.discriminatedUnion('type', [
  /** Its vectors passed the golden check; it connects now. */
  z.object({ type: z.literal('ready') }),
  /** Its event loop runs. Sent every `aliveEveryMs` after `ready`. */
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('failed'), message: z.string(), retryable: z.boolean() }),
  /** Drained, because it or its gateway is stopping; do not replace it. */
  z.object({ type: z.literal('done') }),
]);
export type FromWorker = z.infer<typeof fromWorkerSchema>;

/**
 * A micro-batch blocks a worker's event loop for about a second at most, so a worker that is silent
 * for many of these intervals hangs.
 */
export const aliveEveryMs = 5_000;

/** The only message that a supervisor sends. */
export const drainMessage = 'drain';
