// The runner hub is the gateway's side of all runner connections: it admits runners, checks their
// vectors, gives them jobs and returns their answers. These are its options and its interface.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FleetOptions } from '#core/fleet/fleet-options.ts';
import { provingTextsDefault } from '#core/fleet/probation.ts';
import type { RunnerChecksOptions } from '#core/fleet/runner-checks.ts';
import { defaultPace } from '#core/fleet/runner-pace.ts';
import type { RunnerState } from '#core/fleet/runner-state.ts';
import type { Verifiers } from '#core/fleet/verifiers.ts';
import type { Channel, Clock, EmbedderInfo, EmbeddingService } from '#core/ports.ts';
import type { GatewaySessionOptions } from '#core/protocol/gateway-session.ts';
import type { CrossCheckResult } from '#core/trust/agreement.ts';
import type { ProvenanceLog } from '#core/trust/repair.ts';
import type { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import type { RunnerTokens } from '../access/runner-admission.ts';
import { unsettledMaxHighest } from '../config/settings/pipeline-section.ts';
import { defaultCheckIntervalMs } from '../config/settings/runners-section.ts';
import type { RunnerIdentity } from './runner-identity.ts';

/** Satisfied by a pino logger. */
export type HubLog = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** Receives what happens in the hub, for metrics. Called synchronously; must not throw. */
export type HubObserver = {
  /** A runner answered a job: its work in seconds, and the number of texts that got a vector. */
  job(device: string, seconds: number, embedded: number): void;
  /** Jobs were requeued because their runner was lost. */
  requeued(jobs: number): void;
  /** `runner`: its session, in what follows too. */
  quarantined(device: string, runner: string): void;
  lateAnswer(): void;
  /** A runner joined, left, or changed its state. */
  runners(views: readonly RunnerView[]): void;
  /** A runner answered all golden texts, whether its vectors were right or wrong. */
  golden(device: string, meanCosine: number, runner: string): void;
  /** A sample of an untrusted runner's work was compared with a trusted runner's vector. */
  crossCheck(result: CrossCheckResult): void;
};

export type HubLimits = FleetOptions &
  Pick<GatewaySessionOptions, 'helloTimeoutMs' | 'heartbeatMs' | 'drainGraceMs'> &
  RunnerChecksOptions['limits'] & {
    readonly runnersMax: number;
    /** A search that is not answered within this time goes to a second runner too. */
    readonly searchHedgeMs: number;
    /** How often the hub checks deadlines and heartbeats. */
    readonly tickMs: number;
    /** Unsent bytes in a runner's socket above which the runner counts as lost. */
    readonly bufferedBytesMax: number;
    /** How long `close` waits for runners to disconnect. */
    readonly closeMsMax: number;
  };

/** Texts of searches, API requests, repair and cross-checks; those of events come on top. */
const otherTextsMax = 100_000;

export const defaultHubLimits: HubLimits = {
  pace: defaultPace,
  attemptsAloneMax: 3,
  provingTexts: provingTextsDefault,
  tasksMax: unsettledMaxHighest + otherTextsMax,
  helloTimeoutMs: 10_000,
  heartbeatMs: 5_000,
  checkIntervalMs: defaultCheckIntervalMs,
  drainGraceMs: 10_000,
  searchJobMsMax: 1_500,
  searchHedgeMs: 200,
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
     * The client's address, also behind a proxy. A runner with the shared token is recognised by
     * it.
     */
    readonly addressOf: (request: IncomingMessage) => string;
    /** Hides an address: see `addressMarks`. */
    readonly addressMark: (address: string) => string;
    /** Which runners may not join. */
    readonly blocks: RunnerBlocks;
    /** Records what untrusted runners embed, and repairs it when a runner was wrong. */
    readonly provenanceLog: ProvenanceLog;
    /**
     * Trusted runners will join, such as the gateway's own. Samples of untrusted work then wait for
     * them, even before the first one has joined.
     */
    readonly expectsTrusted: boolean;
  };

/** The last comparison of a runner's work with what others gave for the same text. */
export type LastCheck = {
  /** UTC ms. */
  readonly at: number;
  /** Names of the runners that embedded the text again. */
  readonly by: readonly string[];
  readonly result: Exclude<CrossCheckResult, 'dropped'>;
  /** The least cosine between its vector and theirs. */
  readonly cosine: number;
};

export type RunnerView = {
  /** The session's id: a new one for every connection. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'node' | 'browser';
  readonly device: EmbedderInfo['device'];
  readonly dtype: string;
  readonly adapter: string;
  readonly softwareAdapter: boolean;
  /** Of its program; `null`: an older one does not say. */
  readonly version: string | null;
  /** Its network address: personal data. */
  readonly address: string;
  readonly state: RunnerState;
  /** Its vectors verify those of other runners: the gateway's own, or one with the token for it. */
  readonly trusted: boolean;
  /** Jobs that a trusted runner checked and found right, of those that prove it. */
  readonly proof: { readonly agreed: number; readonly needed: number };
  /** It works, and each of its jobs waits for a check until it is proven. */
  readonly inProbation: boolean;
  /** `null`: nobody has checked its work, or it is trusted. */
  readonly lastCheck: LastCheck | null;
  readonly textsPerSecond: number;
  readonly textsEmbedded: number;
  readonly jobsInWork: number;
  /** UTC ms. */
  readonly connectedAt: number;
  /** Mean cosine to the reference in the last golden check; `null` before the first answer. */
  readonly lastGoldenCosine: number | null;
  /** Id of the join token that the runner joined with; `null` for any other token. */
  readonly tokenId: string | null;
  /** Why the runner is in quarantine, and until when (UTC ms). */
  readonly quarantine: { readonly reason: string; readonly until: number } | null;
};

export type FleetStats = {
  readonly checkedBy: Verifiers;
  /** Texts that wait for a runner. */
  readonly waiting: number;
  /** Texts that a runner has. */
  readonly inWork: number;
  /**
   * Texts of events that untrusted runners refuse. They wait for a trusted runner, or for runners
   * with other tokens.
   */
  readonly held: number;
  /** The counts below start at 0 when the hub is created. */
  readonly requeued: number;
  readonly late: number;
  readonly quarantined: number;
};

export type RunnerHub = {
  /**
   * Handles an HTTP server's `upgrade` event for the path `/runners/connect`. A refused request
   * gets its answer here.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Starts the session of an admitted runner, over any kind of channel. */
  accept(channel: Channel, identity: RunnerIdentity): void;
  /**
   * Rejects with the signal's reason, or with a retryable `DependencyError`: `fleet_full` beyond
   * `tasksMax` texts, `fleet_closed` after `close`.
   */
  readonly service: EmbeddingService;
  /** Connected runners that have sent their greeting, and recently quarantined ones. */
  runners(): readonly RunnerView[];
  fleetStats(): FleetStats;
  /** Asks a runner to finish its jobs and leave. `false`: there is no such runner. */
  drain(id: string): boolean;
  /** Ends a runner's connection now and requeues its work. `false`: there is no such runner. */
  remove(id: string): boolean;
  /**
   * Does what follows wrong vectors: the runner is disconnected, its unverified vectors are
   * withheld, and it may not join for a while. `false`: there is no such runner.
   */
  quarantine(id: string, reason: string): boolean;
  /** Closes every connection, waits up to `closeMsMax` for it, and rejects all waiting texts. */
  close(): Promise<void>;
};
