// Commits soon after records are settled, many settles at a time, and retries failed commits.

import type { Clock } from '#core/ports.ts';
import { createCoalescedTask } from '#core/time/coalesced-task.ts';
import { within } from '#core/time/deadline.ts';
import type { KafkaLog } from '../../kafka/kafka-settings.ts';
import type { ActiveConsumer } from './active-consumer.ts';
import type { KafkaAssignment } from './kafka-assignment.ts';
import { byTopic, type TopicPartition } from './topic-partitions.ts';

export type KafkaCommitsOptions = {
  readonly assignment: KafkaAssignment<TopicPartition>;
  readonly active: ActiveConsumer;
  /** See `TopicWatch.check`. */
  readonly checkTopic: (topic: string) => Promise<boolean>;
  /** The time from the first settle to its commit. */
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
  /** No commit begins from now on, except by `last`. */
  stop(): Promise<void>;
  /** Commits once more, and waits for at most a second. */
  last(): Promise<void>;
  /** Commits the start of these partitions, and waits for at most a second. */
  start(partitions: readonly TopicPartition[]): Promise<void>;
};

const lastMsMax = 1_000;

export function createKafkaCommits({
  assignment,
  active,
  checkTopic,
  commitMs,
  commitSettles,
  retryMs,
  clock,
  log,
}: KafkaCommitsOptions): KafkaCommits {
  /** A commit for a deleted topic would skip records of the new topic with that name. */
  const missingTopics = async (): Promise<readonly string[]> => {
    const topics = byTopic(assignment.commits().map(({ partition }) => partition));
    const missing = topics.map(async ({ topic }) => ((await checkTopic(topic)) ? [] : [topic]));
    return (await Promise.all(missing)).flat();
  };

  const commit = async (): Promise<void> => {
    if (assignment.commits().length === 0) return;
    const missing = await missingTopics();
    const commits = assignment
      .commits()
      .filter(({ partition }) => !missing.includes(partition.topic));
    // What cannot be committed now stays in the ledger: the next consumer that joins commits it.
    if (commits.length > 0 && (await active.commit(commits))) assignment.committed(commits);
    if (missing.length > 0) throw new Error(`there is no topic ${missing.join(', ')}`);
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
    async last() {
      const committed = commit().catch((error: unknown) =>
        log.debug({ error: String(error) }, 'the last commit failed; its events are read again'),
      );
      await within(committed, { ms: lastMsMax, clock, late: () => undefined });
    },
    async start(partitions) {
      const starts = partitions.map((partition) => ({ partition, offset: 0 }));
      const committed = active
        .commit(starts)
        .catch((error: unknown) =>
          log.debug({ error: String(error) }, 'the start could not be committed'),
        );
      await within(committed, { ms: lastMsMax, clock, late: () => undefined });
    },
  };
}
