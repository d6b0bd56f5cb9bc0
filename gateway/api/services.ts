// What the routes need from the rest of the gateway: ports and a few functions, so that tests can
// pass memory adapters.

import type { SchemaRegistry } from '#core/decode/record-schema.ts';
import type { EventTypes } from '#core/event/event-types.ts';
import type { Manifest } from '#core/model/model-manifest.ts';
import type {
  Clock,
  DeadLetters,
  EmbeddingService,
  EventSink,
  EventSource,
  VectorStore,
} from '#core/ports.ts';
import type { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import type { AuditTrail } from '../access/audit-trail.ts';
import type { Access } from '../access/authorization.ts';
import type { JoinTokens } from '../access/join-tokens.ts';
import type { AdmitRunner } from '../access/token-guess-limit.ts';
import type { Config } from '../config/config.ts';
import type { Settings } from '../config/live-settings.ts';
import type { Erasures } from '../erasure/erasures.ts';
import type { FleetStats, RunnerView } from '../fleet/hub-types.ts';
import type { QueryVectors } from '../fleet/query-vectors.ts';
import type { RequestEmbeddings } from '../fleet/request-embeddings.ts';
import type { ParentGenerator } from '../ingest/parent-generator.ts';
import type { StoredVersions } from '../ingest/stored-versions.ts';
import type { Live } from '../live/live.ts';
import type { DiskSpace } from '../telemetry/disk-space.ts';
import type { FigureHistory } from '../telemetry/figure-history.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { Telemetry } from '../telemetry/metrics/metrics.ts';
import type { TimestampAlarm } from '../telemetry/timestamp-alarm.ts';
import type { Gauges } from './views/gauges.ts';

export type Services = {
  /** Changes settings. */
  readonly settings: Settings;
  /** `settings.config`: each member returns the present value. */
  readonly config: Config;
  /** The types that events may have. */
  readonly eventTypes: EventTypes;
  readonly log: Log;
  readonly access: Access;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  /** UTC ms. */
  readonly startedAt: number;
  readonly source: EventSource;
  readonly sink: EventSink;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  /** `null` without a Schema Registry. */
  readonly schemas: SchemaRegistry | null;
  /** Room on the disk of the data folder. */
  readonly disk: DiskSpace;
  readonly embedding: EmbeddingService;
  readonly queries: QueryVectors;
  readonly requestEmbeddings: RequestEmbeddings;
  readonly telemetry: Telemetry;
  readonly history: FigureHistory;
  readonly gauges: Gauges;
  readonly live: Live;
  readonly versions: StoredVersions;
  readonly erasures: Erasures;
  readonly generator: ParentGenerator;
  readonly timestamps: TimestampAlarm;
  readonly runners: () => readonly RunnerView[];
  readonly fleet: () => FleetStats;
  /** Asks a runner to finish its jobs and leave. `false`: there is no such runner. */
  readonly drainRunner: (id: string) => boolean;
  /** Ends a runner's connection now. `false`: there is no such runner. */
  readonly removeRunner: (id: string) => boolean;
  /** Disconnects a runner and keeps it out. `false`: no runner with this id is connected. */
  readonly quarantineRunner: (id: string, reason: string) => boolean;
  /** The certificate for HTTPS; `null` without one. */
  readonly certificate: () => { readonly expiresAt: number } | null;
  readonly joinTokens: Pick<JoinTokens, 'make' | 'revoke' | 'list'>;
  /** Which runners may not join. */
  readonly blocks: Pick<RunnerBlocks, 'quarantines' | 'lift' | 'written'>;
  /** Decides whether a runner with these headers, from this address, may connect. */
  readonly admitRunner: AdmitRunner;
  /** Where `npm run build` puts the web pages; may not exist. */
  readonly pagesFolder: string;
  readonly model: {
    readonly folder: string;
    readonly compressedFolder: string;
    readonly manifest: Manifest;
    readonly revision: string;
    /** See `IndexIdentity.modelRevision`. */
    readonly vectorRevision: string;
    /** The least cosine of two texts that have something to do with each other. */
    readonly meaningFloor: number;
  };
};
