// What the live feed tells, as docs/live.md describes it.

import type { DeadLetterView } from '../gateway/api/routes/dead-letter-view.ts';
import type { HealthView } from '../gateway/api/views/health-view.ts';
import type { RunnerView, StatsView } from '../gateway/api/views/stats-view.ts';
import type { Topic } from '../gateway/live/live-messages.ts';
import type { EventToSend } from './event-calls.ts';

type Told<T extends Topic, Data> = {
  readonly type: T;
  readonly id: string;
  readonly at: string;
  readonly snapshot?: true;
  readonly data: Data;
};

export type LiveMessage =
  | Told<'stats', StatsView>
  | Told<'health', HealthView>
  | Told<
      'runner',
      | { readonly change: 'all'; readonly runners: readonly RunnerView[] }
      | { readonly change: 'joined' | 'changed'; readonly runner: RunnerView }
      | { readonly change: 'left'; readonly runner: { readonly id: string } }
    >
  | Told<
      'dead_letter',
      Pick<
        DeadLetterView,
        'id' | 'reason' | 'message' | 'field' | 'event_id' | 'origin' | 'failed_at'
      > & {
        readonly skipped: number;
      }
    >
  | Told<
      'sample',
      { readonly event: EventToSend; readonly latency_ms: number; readonly skipped: number }
    >
  /** So many messages are lost: they came faster than they were taken. */
  | { readonly type: 'dropped'; readonly count: number };

export type { Topic };

/**
 * First on every connection. `resumed: false`: what was missed is not known any more, and snapshots
 * follow.
 */
export type Hello = {
  readonly type: 'hello';
  readonly id: string;
  readonly topics: readonly Topic[];
  readonly resumed: boolean;
  readonly heartbeat_ms: number;
};
export type Heartbeat = { readonly type: 'heartbeat'; readonly id: string; readonly at: string };
