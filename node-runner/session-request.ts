// The request that names the session a process opens. Separate from the session, so that a
// supervisor does not load the runtime.

import { z } from 'zod';
import { devices } from '#core/model/model-manifest.ts';

export const sessionSchema = z.strictObject({
  /** The model's folder. */
  model: z.string(),
  device: z.enum(devices),
  dtype: z.string(),
  /** 0 leaves the number to the runtime. */
  threads: z.int().min(0),
  /** How long to measure speed; at least one round is measured. */
  measureMs: z.number().min(0),
});
export type SessionRequest = z.infer<typeof sessionSchema>;
