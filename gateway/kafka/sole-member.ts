// Confirms that a member is the only one of its consumer group, or fails.

import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { KafkaConsumer } from '../../kafka/kafka-port.ts';

export type SoleMemberOptions = {
  readonly groupId: string;
  /**
   * How long an established member waits for a second one to leave: the group still lists a member
   * that was killed until its session has ended.
   */
  readonly meetingMsMax: number;
  readonly retryMs: number;
  readonly clock: Clock;
};

export class SoleMember {
  readonly #options: SoleMemberOptions;
  #isConfirmed = false;

  constructor(options: SoleMemberOptions) {
    this.#options = options;
  }

  /** Whether it was the only member once. */
  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  /**
   * Resolves when this is the only member, or when `signal` aborts. A newcomer fails at once if
   * another member exists; an established member first gives the other time to leave.
   *
   * @throws UsageError when another member remains
   */
  async confirm(
    consumer: KafkaConsumer,
    isCurrent: () => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { groupId, meetingMsMax, retryMs, clock } = this.#options;
    const deadline = clock.monotonic() + meetingMsMax;
    while (isCurrent() && !signal.aborted) {
      const members = await consumer.countMembers().catch(() => null);
      if (members !== null && members <= 1) {
        this.#isConfirmed = true;
        return;
      }
      if (members !== null && (!this.#isConfirmed || clock.monotonic() > deadline))
        throw notAlone(groupId, members);
      await rest(clock, retryMs, signal);
    }
  }
}

const notAlone = (groupId: string, members: number): UsageError =>
  new UsageError(
    `The consumer group ${groupId} has ${members} members, but a gateway with the embedded store ` +
      'must be its only one, since others store elsewhere: stop the others, ' +
      'give this one a KAFKA_GROUP_ID of its own, or use Qdrant (QDRANT_URL).',
  );
