// What the routes need from the rest of the gateway: ports and a few views, so that a test can hand in memory adapters.
import type { Clock, DeadLetters, EmbeddingService, EventSink, EventSource, VectorStore } from '#core/ports.ts';
import type { Config } from './config.ts';
import type { QueryVectors } from './query-vectors.ts';
import type { RunnerView } from './runner-hub/types.ts';
import type { Log } from './telemetry/log.ts';
import type { Telemetry } from './telemetry/metrics.ts';

export type Services = {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  /** UTC ms. */
  readonly startedAt: number;
  readonly source: EventSource;
  readonly sink: EventSink;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly embedding: EmbeddingService;
  readonly queries: QueryVectors;
  readonly telemetry: Telemetry;
  runners(): readonly RunnerView[];
};
