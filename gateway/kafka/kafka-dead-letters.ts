// Keeps dead letters in a Kafka topic, which is the truth about them, and their states in a second,
// compacted one.
//
// Every gateway follows both topics from their beginning and lists from what it has read, so that
// each sees the letters of all. A letter is put when the broker has acknowledged it; who lists
// after that waits until it has come back.

import { randomUUID } from 'node:crypto';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { z } from 'zod';
import { DependencyError } from '#core/errors/errors.ts';
import { isUuid } from '#core/event/uuid.ts';
import {
  deadLetterStates,
  type Clock,
  type DeadLetter,
  type DeadLetters,
  type LogRecord,
  type Position,
} from '#core/ports.ts';
import { openKafka } from '../../kafka/kafka-client.ts';
import { isTooLarge } from '../../kafka/kafka-errors.ts';
import type { Compression, KafkaConnection } from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults, withAdmin } from '../../kafka/kafka-sink.ts';
import { ensureTopic } from '../../kafka/kafka-topics.ts';
import type { StatusChange } from '../embedded/sql/dead-letter-tables.ts';
import { createDeadLetterIndex } from './dead-letter-index.ts';
import { deadLetterOfRecord, recordOfDeadLetter } from './dead-letter-record.ts';
import { startKafkaMember } from './kafka-member.ts';
import { headersOf } from './kafka-source.ts';

export type KafkaDeadLettersOptions = {
  readonly connection: KafkaConnection;
  /** The letters'; the states are in `<topic>.state`. */
  readonly topic: string;
  readonly partitions: number;
  readonly mayCreate: boolean;
  readonly compression: Compression;
  /** The index is read under names that begin with it. */
  readonly groupId: string;
  readonly sessionMs: number;
  readonly clock: Clock;
};

/** How long a question waits for the index to read what it must know. */
const waitMsMax = 5_000;
/**
 * More than a topic of events takes by default, so that a letter fits with the headers that it
 * gets.
 */
const deadLetterBytesMax = 2 * 1024 * 1024;
/** Of a letter that its topic refuses as too large. */
const cutBytes = 512 * 1024;
const noBytes = new Uint8Array();
const deedSchema = z.object({ at: z.number(), by: z.string() });
const statusSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('not JSON');
      return z.NEVER;
    }
  })
  .pipe(
    z.object({
      state: z.enum(deadLetterStates),
      replays: z.int().min(0).default(0),
      replay: deedSchema
        .extend({ position: z.object({ topic: z.string(), partition: z.int(), offset: z.int() }) })
        .nullable()
        .default(null),
      purge: deedSchema.nullable().default(null),
    }),
  );

export function createKafkaDeadLetters(options: KafkaDeadLettersOptions): DeadLetters {
  const { connection, topic, partitions, mayCreate, compression, clock } = options;
  const stateTopic = `${topic}.state`;
  const plans = [
    {
      topic,
      partitions,
      mayCreate,
      config: { 'max.message.bytes': String(deadLetterBytesMax), 'retention.ms': '-1' },
    },
    { topic: stateTopic, partitions: 1, mayCreate, config: { 'cleanup.policy': 'compact' } },
  ] as const;
  const kafka = openKafka(connection);
  const letters = createKafkaSink({ ...sinkDefaults, connection, compression, topic: plans[0] });
  const states = createKafkaSink({ ...sinkDefaults, connection, topic: plans[1] });
  const index = createDeadLetterIndex();
  /**
   * By topic and partition: where the index reads next, and up to where it must have read to
   * answer.
   */
  const read = new Map<string, number>();
  const needed = new Map<string, number>();
  let hasBegun = false;
  let isClosed = false;
  let change = Promise.withResolvers<void>();

  const moved = (place: string, next: number): void => {
    read.set(place, next);
    change.resolve();
    change = Promise.withResolvers();
  };

  const need = (place: string, next: number): void => {
    needed.set(place, Math.max(needed.get(place) ?? 0, next));
  };

  const take = ({ batch }: EachBatchPayload): void => {
    const { topic: from, partition, messages } = batch;
    const place = placeOf(from, partition);
    const fresh = messages.filter(({ offset }) => Number(offset) >= (read.get(place) ?? 0));
    if (from === topic)
      index.add(fresh.flatMap((message) => deadLetterOfRecord(recordOf(message)) ?? []));
    else index.setStatus(fresh.flatMap((message) => statusOf(message) ?? []));
    moved(place, Number(batch.lastOffset()) + 1);
  };

  const member = startKafkaMember(
    {
      kafka,
      name: `dead letters of ${topic}`,
      groupId: `${options.groupId}.dead-letters.${randomUUID()}`,
      topics: [topic, stateTopic],
      sessionMs: options.sessionMs,
      clock,
      log: connection.log,
    },
    {
      async prepare() {
        await withAdmin(kafka, async (admin) => {
          for (const plan of plans) {
            await ensureTopic(admin, plan);
            if (hasBegun) continue;
            for (const { partition, low, high } of await admin.fetchTopicOffsets(plan.topic)) {
              if (Number(low) < Number(high)) need(placeOf(plan.topic, partition), Number(high));
            }
          }
        });
        hasBegun = true;
      },
      joined(consumer, partitionsOf) {
        for (const name of [topic, stateTopic]) {
          for (const partition of partitionsOf(name)) {
            const next = read.get(placeOf(name, partition));
            if (next !== undefined) consumer.seek({ topic: name, partition, offset: String(next) });
          }
        }
        change.resolve();
        change = Promise.withResolvers();
      },
      rebalancing: () => undefined,
      batch: take,
      skipped: (from, partition, next) => moved(placeOf(from, partition), next),
    },
  );

  const isUpToDate = (): boolean =>
    hasBegun && [...needed].every(([place, next]) => (read.get(place) ?? 0) >= next);

  /** Whether it came to be in time. */
  const upToDate = async (msMax: number): Promise<boolean> => {
    const timer = new AbortController();
    const late = clock.sleep(msMax, timer.signal).then(
      () => true,
      () => true,
    );
    while (!isUpToDate()) {
      const { promise: changed } = change;
      if (await Promise.race([changed.then(() => false), late])) break;
    }
    timer.abort();
    return isUpToDate();
  };

  const whenUpToDate = async <T>(answer: () => T | Promise<T>): Promise<T> => {
    if (await upToDate(waitMsMax)) return answer();
    throw new DependencyError(
      'kafka',
      'kafka_dead_letters_behind',
      member.health() ??
        `The dead letters in ${topic} are still being read; ask again in a moment.`,
      { retryable: true },
    );
  };

  const written = (positions: readonly Position[]): void => {
    for (const { topic: to, partition, offset } of positions)
      need(placeOf(to, partition), offset + 1);
  };

  const append = async (batch: readonly DeadLetter[]): Promise<void> => {
    try {
      written(await letters.append(batch.map((letter) => recordOfDeadLetter(letter))));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const [first, ...others] = batch;
      // Told apart one by one; what is too large even alone is cut, since it has no other place to
      // go.
      if (others.length > 0) for (const letter of batch) await append([letter]);
      else if (first !== undefined)
        written(await letters.append([recordOfDeadLetter(first, cutBytes)]));
    }
  };

  return {
    kind: 'kafka',
    async put(given) {
      const fresh = new Map(
        given
          .filter(({ id }) => !index.has(id))
          .toReversed()
          .map((letter) => [letter.id, letter]),
      );
      await append([...fresh.values()].toReversed());
    },
    async setStatus(changes) {
      const at = clock.now();
      written(
        await states.append(
          changes.map(({ id, status }) => ({
            key: Buffer.from(id),
            value: Buffer.from(JSON.stringify(status)),
            headers: {},
            timestamp: at,
          })),
        ),
      );
    },
    list: (query) => whenUpToDate(() => index.list(query)),
    get: (id) => whenUpToDate(() => index.get(id)),
    async stats() {
      // Asked for every few seconds by dashboards: what is known is better than an error, and
      // without a broker than a long wait.
      await upToDate(member.isFailing() ? 0 : waitMsMax);
      return index.stats();
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      await Promise.all([
        member.stop(),
        letters[Symbol.asyncDispose](),
        states[Symbol.asyncDispose](),
      ]);
      index[Symbol.dispose]();
    },
  };
}

const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`;

const recordOf = ({ key, value, headers, timestamp }: KafkaMessage): LogRecord => ({
  key,
  value: value ?? noBytes,
  headers: headersOf(headers),
  timestamp: Number(timestamp),
});

/** `null` for what is not one. */
function statusOf({ key, value }: KafkaMessage): StatusChange | null {
  const id = key?.toString() ?? '';
  const parsed = statusSchema.safeParse(value?.toString() ?? '');
  return isUuid(id) && parsed.success ? { id, status: parsed.data } : null;
}
