// What supervisor and worker tell each other over the process channel, and how a worker is told
// what to do.

import { z } from 'zod';
import { sessionSchema } from './session-request.ts';

/**
 * A worker's first argument, as JSON. The token is not in it: arguments can be read by everybody on
 * the machine.
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
  /** Its vectors are proved; it connects now. */
  z.object({ type: z.literal('ready') }),
  /** Its event loop turns. Told every `aliveEveryMs` from `ready` on. */
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('failed'), message: z.string(), retryable: z.boolean() }),
  /** Drained, because it or its gateway was told to; it is not to be replaced. */
  z.object({ type: z.literal('done') }),
]);
export type FromWorker = z.infer<typeof fromWorkerSchema>;

/**
 * A micro-batch holds the event loop of a worker for about a second at most; one that is silent for
 * many of these hangs.
 */
export const aliveEveryMs = 5_000;

/** The only word of a supervisor. */
export const drainMessage = 'drain';
