// The messages of the live feed, as docs/live.md describes them.

import type { DeadLetterView } from '../gateway/api/routes/dead-letter-view.ts';
import type { HealthView } from '../gateway/api/views/health-view.ts';
import type { RunnerView, StatsView } from '../gateway/api/views/stats-view.ts';
import type { Topic } from '../gateway/live/live-messages.ts';
import type { EventToSend } from './event-calls.ts';

type TopicMessage<T extends Topic, Data> = {
  readonly type: T;
  readonly id: string;
  readonly at: string;
  readonly snapshot?: true;
  readonly data: Data;
};

export type LiveMessage =
  | TopicMessage<'stats', StatsView>
  | TopicMessage<'health', HealthView>
  | TopicMessage<
      'runner',
      | { readonly change: 'all'; readonly runners: readonly RunnerView[] }
      | { readonly change: 'joined' | 'changed'; readonly runner: RunnerView }
      | { readonly change: 'left'; readonly runner: { readonly id: string } }
    >
  | TopicMessage<
      'dead_letter',
      Pick<
        DeadLetterView,
        'id' | 'reason' | 'message' | 'field' | 'event_id' | 'origin' | 'failed_at'
      > & {
        readonly skipped: number;
      }
    >
  | TopicMessage<
      'sample',
      { readonly event: EventToSend; readonly latency_ms: number; readonly skipped: number }
    >
  /** The gateway dropped `count` messages: they came faster than the client read them. */
  | { readonly type: 'dropped'; readonly count: number };

export type { Topic };

/**
 * First on every connection. `resumed: false` means that the gateway no longer has the missed
 * messages; it sends snapshots instead.
 */
export type Hello = {
  readonly type: 'hello';
  readonly id: string;
  readonly topics: readonly Topic[];
  readonly resumed: boolean;
  readonly heartbeat_ms: number;
};
export type Heartbeat = { readonly type: 'heartbeat'; readonly id: string; readonly at: string };
