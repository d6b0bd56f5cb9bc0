// What the parts of the runner hub share: the scheduler, the open connections and their limits.

import type { Fleet } from '#core/fleet/fleet.ts';
import type { EmbeddingQueue } from './embedding-queue.ts';
import type { HubConnection } from './hub-connection.ts';
import type { RunnerHubOptions } from './hub-types.ts';
import type { JobAssigner } from './job-assigner.ts';
import type { JoinTokenLimits } from './join-token-limits.ts';

export type HubState = {
  readonly options: RunnerHubOptions;
  readonly fleet: Fleet;
  /** Holds a promise for every text that the fleet has. */
  readonly queue: EmbeddingQueue;
  readonly assigner: JobAssigner;
  /** Open connections, by session id. */
  readonly connections: Map<string, HubConnection>;
  readonly joinLimits: JoinTokenLimits;
  /** Aborts when the hub closes. */
  readonly signal: AbortSignal;
};
