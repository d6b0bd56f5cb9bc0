// Sends generated events straight to a Kafka topic. It retries while no broker accepts them, and
// says so.

import { assert } from '#core/errors/assert.ts';
import { DependencyError } from '#core/errors/errors.ts';
import type { Clock, LogRecord } from '#core/ports.ts';
import { retry } from '#core/time/retry.ts';
import { isMisconfigured } from '../../kafka/kafka-errors.ts';
import {
  connectionFromEnvironment,
  type Acknowledgement,
  type Compression,
  noKafkaLog,
} from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults } from '../../kafka/kafka-sink.ts';
import type { KafkaEndpoint } from './kafka-endpoint.ts';
import type { StreamTarget } from './send-events.ts';

export type KafkaTargetOptions = KafkaEndpoint & {
  readonly acks: Acknowledgement;
  readonly compression: Compression;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** How long one batch is retried. */
  readonly retryForMs: number;
  readonly onWait: (reason: string) => void;
};

/** Partitions of a topic that the generator creates: as many as a gateway would make. */
const partitions = 12;
const backoff = { delayMs: 500, delayMsMax: 5_000 };
const encoder = new TextEncoder();

/**
 * Every event counts as accepted, because a topic accepts any bytes.
 *
 * @throws UsageError for wrong settings; `send` rejects with DependencyError after `retryForMs`
 */
export function createKafkaTarget({
  brokers,
  topic,
  acks,
  compression,
  env,
  clock,
  retryForMs,
  onWait,
}: KafkaTargetOptions): StreamTarget & AsyncDisposable {
  const sink = createKafkaSink({
    ...sinkDefaults,
    acks,
    compression,
    connection: connectionFromEnvironment(brokers, env, noKafkaLog),
    topic: { topic, partitions, mayCreate: true, config: {} },
  });
  return {
    async send({ lines, keys }, signal) {
      assert(lines.length === keys.length, `${lines.length} lines have ${keys.length} keys`);
      const timestamp = clock.now();
      const records = lines.map((value, index): LogRecord => ({
        key: encoder.encode(keys[index]),
        value,
        headers: {},
        timestamp,
      }));
      await retry(() => sink.append(records), {
        policy: { ...backoff, attemptsMax: Number.POSITIVE_INFINITY },
        clock,
        random: Math.random,
        signal,
        giveUpAt: clock.monotonic() + retryForMs,
        retryable: (error) =>
          error instanceof DependencyError && error.retryable && !isMisconfigured(error),
        onRetry: (error) =>
          onWait(`${error instanceof Error ? error.message : String(error)}; retrying`),
      });
      return { accepted: lines.length, rejected: 0, deadLettered: 0 };
    },
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  };
}
