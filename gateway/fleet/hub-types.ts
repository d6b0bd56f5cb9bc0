// What the runner hub takes and what it shows.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FleetOptions } from '#core/fleet/fleet.ts';
import type { RunnerChecksOptions } from '#core/fleet/runner-checks.ts';
import { defaultPace } from '#core/fleet/runner-pace.ts';
import type { RunnerState } from '#core/fleet/runner-state.ts';
import type { Channel, Clock, EmbedderInfo, EmbeddingService } from '#core/ports.ts';
import type { GatewaySessionOptions } from '#core/protocol/gateway-session.ts';
import type { CrossCheckResult } from '#core/trust/agreement.ts';
import type { ProvenanceLog } from '#core/trust/repair.ts';
import type { RunnerTokens } from '../access/runner-admission.ts';
import { defaultCheckIntervalMs } from '../config/defaults.ts';
import type { Identity } from './runner-identity.ts';

/** Satisfied by a pino logger. */
export type HubLog = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** What happened, for metrics. Called synchronously; must not throw. */
export type HubObserver = {
  /** A job of real work was answered: seconds in work, texts that got a vector. */
  job(device: string, seconds: number, embedded: number): void;
  /** Jobs given again because their runner was lost. */
  requeued(jobs: number): void;
  quarantined(device: string): void;
  lateAnswer(): void;
  /** A runner joined, left, or changed its state. */
  runners(views: readonly RunnerView[]): void;
  /** All golden texts were answered, rightly or not. */
  golden(device: string, meanCosine: number): void;
  /** A sample of untrusted work was compared with a trusted runner's. */
  crossCheck(result: CrossCheckResult): void;
};

export type HubLimits = FleetOptions &
  Pick<GatewaySessionOptions, 'helloTimeoutMs' | 'heartbeatMs' | 'drainGraceMs'> &
  RunnerChecksOptions['limits'] & {
    readonly runnersMax: number;
    /** How often deadlines and heartbeats are looked at. */
    readonly tickMs: number;
    /** Bytes that may wait for a runner's network before it counts as lost. */
    readonly bufferedBytesMax: number;
    /** How long `close` waits for runners to hang up. */
    readonly closeMsMax: number;
  };

export const defaultHubLimits: HubLimits = {
  pace: defaultPace,
  attemptsAloneMax: 3,
  tasksMax: 100_000,
  helloTimeoutMs: 10_000,
  heartbeatMs: 5_000,
  checkIntervalMs: defaultCheckIntervalMs,
  drainGraceMs: 10_000,
  runnersMax: 256,
  tickMs: 250,
  bufferedBytesMax: 8 * 1024 * 1024,
  closeMsMax: 2_000,
};

export type RunnerHubOptions = Pick<GatewaySessionOptions, 'identity' | 'golden' | 'bounds'> &
  Pick<RunnerChecksOptions, 'random'> & {
    readonly tokens: RunnerTokens;
    readonly limits: HubLimits;
    readonly clock: Clock;
    readonly log: HubLog;
    readonly observer: HubObserver;
    /**
     * The client's, behind whatever proxy: one half of what a runner with the shared token is known
     * by.
     */
    readonly addressOf: (request: IncomingMessage) => string;
    /** Remembers what untrusted runners embed, and mends it when they were wrong. */
    readonly ledger: ProvenanceLog;
    /**
     * The gateway starts runners of its own: samples of others' work wait for them from the
     * beginning.
     */
    readonly expectsTrusted: boolean;
  };

export type RunnerView = {
  /** The session: a new one for every connection. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'node' | 'browser';
  readonly device: EmbedderInfo['device'];
  readonly dtype: string;
  readonly adapter: string;
  readonly softwareAdapter: boolean;
  readonly state: RunnerState;
  /** Started by the gateway itself. */
  readonly trusted: boolean;
  readonly textsPerSecond: number;
  readonly textsEmbedded: number;
  readonly jobsInWork: number;
  /** UTC ms. */
  readonly connectedAt: number;
  /**
   * Mean cosine to the reference when all golden texts were last answered; `null` before the first
   * answer.
   */
  readonly lastGoldenCosine: number | null;
  /** Id of the join token by which it came. */
  readonly tokenId: string | null;
  /** Why it was found wrong, and until when (UTC ms) it is kept away. */
  readonly quarantine: { readonly reason: string; readonly until: number } | null;
};

export type FleetStats = {
  /** Texts that wait for a runner, and texts that a runner has. */
  readonly waiting: number;
  readonly inWork: number;
  /** Counted since the hub was made. */
  readonly requeued: number;
  readonly late: number;
  readonly quarantined: number;
};

export type RunnerHub = {
  /**
   * For an HTTP server's `upgrade` event, once its path is known to be `/runners/connect`. Answers
   * a refusal itself.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes on a runner that was let in, over whatever link. */
  accept(channel: Channel, identity: Identity): void;
  /**
   * Rejects with the signal's reason; with a retryable `DependencyError` `fleet_full` beyond
   * `tasksMax` texts, or after `close`.
   */
  readonly service: EmbeddingService;
  /** Those that have greeted and are still connected, and for a while those that were quarantined. */
  runners(): readonly RunnerView[];
  fleetStats(): FleetStats;
  /** Asks a runner to finish what it has and leave. `false`: no such runner. */
  drain(id: string): boolean;
  /** Ends a runner's connection now; its work goes elsewhere. `false`: no such runner. */
  remove(id: string): boolean;
  /** Ends the connections of all runners that joined by this token. */
  revoke(tokenId: string): void;
  /** Closes every connection, waits a bounded while for it, and rejects what still waits. */
  close(): Promise<void>;
};
