// Reads a Kafka topic as a member of a consumer group: everything fetched is delivered once per
// assignment, committed to the settled head.
//
//   broker ──fetch──► FetchedPartition (waits, bounded; the partition pauses) ──pull──► Delivery ──settle──► Assignment ──commit──► broker
//
// In a rebalance a partition that stays keeps its ledger and its place, so that what is in hand is
// not fetched again; one that is lost is forgotten at once, and late words about it change nothing:
// its new member reads the same events.

import type { Consumer, KafkaMessage, Offsets } from 'kafkajs';
import { assert } from '#core/errors/assert.ts';
import { UsageError } from '#core/errors/errors.ts';
import { Assignment } from '#core/pipeline/assignment.ts';
import type { Clock, Delivery, EventSource } from '#core/ports.ts';
import { createCoalescedTask } from '#core/time/coalesced-task.ts';
import { openKafka } from '../../kafka/kafka-client.ts';
import type { KafkaConnection } from '../../kafka/kafka-settings.ts';
import { withAdmin } from '../../kafka/kafka-sink.ts';
import { ensureTopic, type TopicPlan } from '../../kafka/kafka-topics.ts';
import { FetchedPartition } from './fetched-partition.ts';
import { createKafkaLag } from './kafka-lag.ts';
import { startKafkaMember, within } from './kafka-member.ts';

export type KafkaSourceOptions = {
  readonly connection: KafkaConnection;
  readonly topic: TopicPlan;
  readonly groupId: string;
  /**
   * Whether another member of the group is an error: its part of the events would end in another
   * place.
   */
  readonly alone: boolean;
  readonly clock: Clock;
  /** Records and bytes per batch. */
  readonly batchMax: number;
  readonly batchBytesMax: number;
  /** Delivered records per partition from its first unsettled one on. */
  readonly unsettledMax: number;
  /** Fetched and not yet delivered, of all partitions together; one fetch may come on top. */
  readonly fetchedBytesMax: number;
  readonly commitMs: number;
  readonly commitSettles: number;
  readonly retryMs: number;
  readonly sessionMs: number;
  /**
   * How long two members that must be alone may meet: a member that was killed is known to the
   * group for a session.
   */
  readonly meetingMsMax: number;
};

export const kafkaSourceDefaults = {
  alone: false,
  batchMax: 1_000,
  batchBytesMax: 4 * 2 ** 20,
  unsettledMax: 20_000,
  fetchedBytesMax: 16 * 2 ** 20,
  commitMs: 200,
  commitSettles: 2_000,
  retryMs: 500,
  sessionMs: 10_000,
  meetingMsMax: 15_000,
} as const satisfies Partial<KafkaSourceOptions>;

type Commit = (offsets: Offsets) => Promise<void>;

const closeMsMax = 1_000;
const noBytes = new Uint8Array();

/** Starts at once, and waits for a broker that is not there. */
export function createKafkaSource(options: KafkaSourceOptions): EventSource {
  const { connection, topic: plan, groupId, clock } = options;
  const { topic } = plan;
  const { log } = connection;
  const kafka = openKafka(connection);
  const lag = createKafkaLag({ kafka, topic, groupId, clock });
  const assignment = new Assignment(options.unsettledMax);
  const held = new Map<number, FetchedPartition>();
  const closing = new AbortController();
  const { signal: closed } = closing;

  let consumer: Consumer | null = null;
  /**
   * As the client gives it with a batch: unlike the consumer's, which serves until then, it does
   * not try again after a rebalance has taken a partition.
   */
  let commitOffsets: Commit | null = null;
  let isRebalancing = false;
  let memberId: string | null = null;
  let isNewMember = true;
  let isAlone = !options.alone;
  let failure: Error | null = null;
  let started = false;
  let turn = 0;
  let change = Promise.withResolvers<void>();

  const wake = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  const fail = (error: Error): void => {
    failure ??= error;
    wake();
  };

  const commit = async (): Promise<void> => {
    const commits = assignment.commits();
    // Without a member, and between two assignments, what is settled waits in the ledger: whoever
    // joins commits it.
    if (commits.length === 0 || consumer === null || isRebalancing) return;
    const offsets = commits.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
    if (commitOffsets !== null) await commitOffsets({ topics: [{ topic, partitions: offsets }] });
    else await consumer.commitOffsets(offsets.map((each) => ({ topic, ...each })));
    assignment.committed(commits);
  };
  const commits = createCoalescedTask({
    work: commit,
    delayMs: options.commitMs,
    countMax: options.commitSettles,
    retryMs: options.retryMs,
    clock,
    failed: (error) => log.debug({ error: String(error) }, 'a commit failed and is tried again'),
  });

  const lose = (partition: number): void => {
    held.delete(partition);
    assignment.revoke(partition);
  };

  /** Pauses a partition of which enough is here, and resumes it when half of that is gone. */
  const regulate = (partition: number, state: FetchedPartition): void => {
    const bytesMax = options.fetchedBytesMax / Math.max(1, held.size);
    const pause = state.isPaused ? state.bytes > bytesMax / 2 : state.bytes > bytesMax;
    if (pause === state.isPaused || consumer === null) return;
    state.isPaused = pause;
    try {
      consumer[pause ? 'pause' : 'resume']([{ topic, partitions: [partition] }]);
    } catch {
      // A consumer that has just ended says no. The next one is told when it joins.
    }
  };

  const member = startKafkaMember(
    {
      kafka,
      name: `group ${groupId} at ${connection.brokers.join(', ')}`,
      groupId,
      topics: [topic],
      sessionMs: options.sessionMs,
      clock,
      log,
    },
    {
      async prepare() {
        consumer = null;
        commitOffsets = null;
        await withAdmin(kafka, (admin) => ensureTopic(admin, plan));
        // Where the group's commit is not past this member's head, nobody else has worked: what is
        // in hand is still its own.
        const heads = new Map(
          assignment.commits().map(({ partition, offset }) => [partition, offset]),
        );
        const offsets = held.size === 0 ? new Map() : await lag.offsets();
        for (const partition of held.keys()) {
          const head = heads.get(partition);
          if (head !== undefined && (offsets.get(partition)?.committed ?? 0) > head)
            lose(partition);
        }
        isNewMember = true;
      },

      joined(joinedConsumer, partitionsOf, id) {
        consumer = joinedConsumer;
        isRebalancing = false;
        const assigned = partitionsOf(topic);
        // Given up by the group and taken back under another name: others may have had every
        // partition meanwhile.
        const wasGivenUp = id !== memberId && !isNewMember;
        memberId = id;
        isNewMember = false;
        for (const partition of held.keys())
          if (wasGivenUp || !assigned.includes(partition)) lose(partition);
        for (const partition of assigned) {
          const state = held.get(partition) ?? new FetchedPartition();
          held.set(partition, state);
          if (state.position !== null)
            consumer.seek({ topic, partition, offset: String(state.position) });
          if (!state.isPaused) consumer.resume([{ topic, partitions: [partition] }]);
          else consumer.pause([{ topic, partitions: [partition] }]);
          regulate(partition, state);
        }
        log.info({ group: groupId, member: id, partitions: assigned }, 'partitions assigned');
        if (options.alone) void checkAlone(joinedConsumer);
        commits.ask();
        wake();
      },

      rebalancing() {
        // The last chance to commit under the old assignment: the client joins again right after
        // this.
        commit().catch(() => undefined);
        isRebalancing = true;
      },

      batch(payload) {
        commitOffsets = (offsets) => payload.commitOffsetsIfNecessary(offsets);
        const { batch } = payload;
        const { partition, messages } = batch;
        let state = held.get(partition);
        if (state === undefined) return;
        if (state.position !== null && Number(batch.highWatermark) < state.position) {
          log.warn(
            { topic, partition },
            'the topic ends before what was read of it: it was made anew or cut, and is read again',
          );
          lose(partition);
          state = new FetchedPartition();
          held.set(partition, state);
        }
        state.add(messages, Number(batch.lastOffset()) + 1);
        const [first] = messages;
        if (state.epoch === null && first !== undefined)
          state.epoch = assignment.assign(partition, Number(first.offset));
        regulate(partition, state);
        wake();
      },

      skipped(_topic, partition, next) {
        const state = held.get(partition);
        state?.skipTo(next);
        if (state !== undefined) tellRead(partition, state);
      },
    },
  );

  /** When the last records read were none for a consumer, they are behind the head all the same. */
  const tellRead = (partition: number, { epoch, position, size }: FetchedPartition): void => {
    if (epoch === null || position === null || size > 0) return;
    assignment.skipTo(partition, epoch, position);
    commits.ask();
  };

  const isCurrent = (of: Consumer): boolean => consumer === of && !closed.aborted;

  /**
   * A second member ends the one that comes; the one that was there first waits a while for it to
   * go.
   */
  const checkAlone = async (of: Consumer): Promise<void> => {
    const deadline = clock.monotonic() + options.meetingMsMax;
    while (isCurrent(of)) {
      const members = await of.describeGroup().then(
        (group) => group.members.length,
        () => null,
      );
      if (members !== null && members <= 1) {
        isAlone = true;
        return wake();
      }
      if (members !== null && (!isAlone || clock.monotonic() > deadline))
        return fail(notAlone(groupId, members));
      await clock.sleep(options.retryMs, closed).catch(() => undefined);
    }
  };

  const deliveryOf = (message: KafkaMessage, partition: number, epoch: number): Delivery => ({
    key: message.key,
    value: message.value ?? noBytes,
    headers: headersOf(message.headers),
    timestamp: Math.max(0, Number(message.timestamp)),
    position: { topic, partition, offset: Number(message.offset) },
    settle() {
      if (!assignment.settle(partition, epoch, Number(message.offset))) return;
      commits.ask();
      wake();
    },
  });

  /** The next batch: what one partition has and its ledger takes, the partitions in turn. */
  const read = (): readonly Delivery[] => {
    if (!isAlone) return [];
    const partitions = [...held];
    for (let tried = 0; tried < partitions.length; tried++) {
      turn = (turn + 1) % partitions.length;
      const [partition, state] = partitions[turn] ?? [];
      if (partition === undefined || state === undefined || state.epoch === null) continue;
      const { epoch } = state;
      const messages = state.take(
        Math.min(options.batchMax, assignment.room(partition, epoch)),
        options.batchBytesMax,
      );
      if (messages.length === 0) continue;
      for (const { offset } of messages)
        assert(
          assignment.deliver(partition, epoch, Number(offset)),
          `Partition ${partition} is held and not assigned`,
        );
      tellRead(partition, state);
      regulate(partition, state);
      return messages.map((message) => deliveryOf(message, partition, epoch));
    }
    return [];
  };

  return {
    kind: 'kafka',

    async *deliveries(signal) {
      assert(!started, 'The deliveries of a source were asked for twice');
      started = true;
      const ended = AbortSignal.any([signal, closed]);
      ended.addEventListener('abort', wake);
      try {
        while (!ended.aborted) {
          if (failure !== null) throw failure;
          const { promise: changed } = change;
          const batch = read();
          if (batch.length > 0) yield batch;
          else await changed;
        }
      } finally {
        ended.removeEventListener('abort', wake);
      }
    },

    lag: () => lag.lag([...held.keys()]),
    unsettled: () => assignment.unsettled(),
    health: () => failure?.message ?? member.health(),

    async [Symbol.asyncDispose]() {
      if (closed.aborted) return;
      closing.abort();
      await commits.stop();
      if (member.health() === null) {
        const lastCommit = commit().catch((error: unknown) =>
          log.debug({ error: String(error) }, 'the last commit failed; its events come again'),
        );
        await within(closeMsMax, lastCommit, clock);
      }
      for (const partition of held.keys()) lose(partition);
      await Promise.all([member.stop(), lag[Symbol.asyncDispose]()]);
    },
  };
}

const notAlone = (groupId: string, members: number): UsageError =>
  new UsageError(
    `The consumer group ${groupId} has ${members} members, but a gateway with the embedded store must be its only one, since others store elsewhere: ` +
      'stop the others, give this one a KAFKA_GROUP_ID of its own, or use Qdrant (QDRANT_URL).',
  );

/** Of a name that comes several times the last counts, as in Kafka's own `lastHeader`. */
export function headersOf(headers: KafkaMessage['headers']): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return [name, typeof last === 'string' ? Buffer.from(last) : (last ?? noBytes)];
    }),
  );
}
