// What the routes need from the rest of the gateway: ports and a few views, so that a test can hand in memory adapters.
import type { Clock, DeadLetters, EmbeddingService, EventSink, EventSource, VectorStore } from '#core/ports.ts';
import type { Config } from './config.ts';
import type { QueryVectors } from './query-vectors.ts';
import type { Log } from './telemetry/log.ts';
import type { Telemetry } from './telemetry/metrics.ts';

/** A connected runner as `GET /runners` shows it. */
export type RunnerSummary = {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly device: string;
  readonly dtype: string;
  readonly state: string;
  readonly textsPerSecond: number;
  readonly textsEmbedded: number;
};

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
  runners(): readonly RunnerSummary[];
};
