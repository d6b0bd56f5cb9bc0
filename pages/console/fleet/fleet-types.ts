// What the parts of the fleet's view share.

import type { Stats } from '../../../client/client.ts';

export type RunnerView = Stats['runners'][number];
/** Carries out an action, and tells what was done or what is wrong. */
export type Act = (done: string, action: () => Promise<unknown>) => Promise<void>;
