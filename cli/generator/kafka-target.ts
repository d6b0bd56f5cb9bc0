// Sends generated events straight to a Kafka topic, and waits in words while no broker takes them.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock, LogRecord } from '#core/ports.ts';
import { retry } from '#core/time/retry.ts';
import { isMisconfigured } from '../../kafka/kafka-errors.ts';
import {
  connectionFromEnvironment,
  type Acknowledgement,
  type Compression,
  type KafkaLog,
} from '../../kafka/kafka-settings.ts';
import { createKafkaSink, sinkDefaults } from '../../kafka/kafka-sink.ts';
import type { PostCounts } from '../gateway-client.ts';
import type { KafkaEndpoint } from './kafka-endpoint.ts';
import type { PostOptions } from './send-events.ts';

export type KafkaTargetOptions = KafkaEndpoint & {
  readonly acks: Acknowledgement;
  readonly compression: Compression;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** How long one post goes on trying. */
  readonly patienceMs: number;
  readonly onWait: (reason: string) => void;
};

export type KafkaTarget = AsyncDisposable & {
  postEvents(lines: readonly Uint8Array[], options: PostOptions): Promise<PostCounts>;
};

/** Of a topic that it makes, as a gateway would. */
const partitions = 12;
const backoff = { delayMs: 500, delayMsMax: 5_000 };
const encoder = new TextEncoder();
const silent = (): void => undefined;
const noLog: KafkaLog = { trace: silent, debug: silent, info: silent, warn: silent, error: silent };

/**
 * Every event counts as accepted: the topic takes any bytes. Throws `UsageError` for settings,
 * `DependencyError` once patience ends.
 */
export function createKafkaTarget({
  brokers,
  topic,
  acks,
  compression,
  env,
  clock,
  patienceMs,
  onWait,
}: KafkaTargetOptions): KafkaTarget {
  const sink = createKafkaSink({
    ...sinkDefaults,
    acks,
    compression,
    connection: connectionFromEnvironment(brokers, env, noLog),
    topic: { topic, partitions, mayCreate: true, config: {} },
  });
  return {
    async postEvents(lines, { keys, signal }) {
      const timestamp = clock.now();
      const deadline = clock.monotonic() + patienceMs;
      const records = lines.map((value, index): LogRecord => ({
        key: encoder.encode(keys[index] ?? ''),
        value,
        headers: {},
        timestamp,
      }));
      await retry(() => sink.append(records), {
        policy: { ...backoff, attemptsMax: Number.POSITIVE_INFINITY },
        clock,
        random: Math.random,
        signal,
        retryable: (error) =>
          error instanceof DependencyError &&
          error.retryable &&
          !isMisconfigured(error) &&
          clock.monotonic() < deadline,
        onRetry: (error) =>
          onWait(`${error instanceof Error ? error.message : String(error)}; trying again`),
      });
      return { accepted: lines.length, rejected: 0, deadLettered: 0 };
    },
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  };
}
