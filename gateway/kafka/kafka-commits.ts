// Commits soon after records are settled, many settles at a time, and retries failed commits.

import type { Clock } from '#core/ports.ts';
import { createCoalescedTask } from '#core/time/coalesced-task.ts';
import { within } from '#core/time/deadline.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';
import type { ActiveConsumer } from './active-consumer.ts';
import type { KafkaAssignment } from './kafka-assignment.ts';

export type KafkaCommitsOptions = {
  readonly assignment: KafkaAssignment;
  readonly active: ActiveConsumer;
  /** From the first settle to its commit. */
  readonly commitMs: number;
  /** This many settles make a commit due at once. */
  readonly commitSettles: number;
  readonly retryMs: number;
  readonly clock: Clock;
  readonly log: KafkaLog;
};

export type KafkaCommits = {
  /** A head may have moved: commits it soon. */
  ask(): void;
  /** Begins one last commit under an assignment that ends. */
  beforeRebalance(): void;
  /** No commit begins from now on, except by `last`. */
  stop(): Promise<void>;
  /** Commits once more, and waits for at most a second. */
  last(): Promise<void>;
};

const lastMsMax = 1_000;

export function createKafkaCommits({
  assignment,
  active,
  commitMs,
  commitSettles,
  retryMs,
  clock,
  log,
}: KafkaCommitsOptions): KafkaCommits {
  const commit = async (): Promise<void> => {
    const commits = assignment.commits();
    // What cannot be committed now stays in the ledger: the next consumer that joins commits it.
    if (commits.length > 0 && (await active.commit(commits))) assignment.committed(commits);
  };
  const task = createCoalescedTask({
    work: commit,
    delayMs: commitMs,
    countMax: commitSettles,
    retryMs,
    clock,
    failed: (error) => log.debug({ error: String(error) }, 'a commit failed; it is retried'),
  });
  return {
    ask: () => task.ask(),
    stop: () => task.stop(),
    beforeRebalance() {
      commit().catch(() => undefined);
    },
    async last() {
      const committed = commit().catch((error: unknown) =>
        log.debug({ error: String(error) }, 'the last commit failed; its events are read again'),
      );
      await within(committed, { ms: lastMsMax, clock, late: () => undefined });
    },
  };
}
