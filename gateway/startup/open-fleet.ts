// Opens the embedding side of the gateway: the runner hub, the repair of its work, and the caches
// and limits of requests for vectors.

import type { Clock, EmbeddingService, VectorStore } from '#core/ports.ts';
import { Repair } from '#core/trust/repair.ts';
import { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import type { Access } from '../access/authorization.ts';
import { openJoinTokens, type JoinTokens } from '../access/join-tokens.ts';
import { freshToken, localSecret } from '../access/local-secret.ts';
import { checkRunnerToken, type RunnerTokens } from '../access/runner-admission.ts';
import { limitTokenGuesses, runnerAddress, type AdmitRunner } from '../access/token-guess-limit.ts';
import type { Config } from '../config/config.ts';
import type { RunnerHub } from '../fleet/hub-types.ts';
import type { GatewayModel } from '../fleet/open-model.ts';
import { withPrefixes } from '../fleet/prefixed-embedding.ts';
import { QueryVectors } from '../fleet/query-vectors.ts';
import { RequestEmbeddings, requestEmbeddingLimits } from '../fleet/request-embeddings.ts';
import { createRunnerHub } from '../fleet/runner-hub.ts';
import { addressMarks } from '../fleet/runner-identity.ts';
import { secureRandom } from '../fleet/secure-random.ts';
import type { Live } from '../live/live.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { Telemetry } from '../telemetry/metrics/metrics.ts';
import { hubLimits, pipelineLimits } from './live-limits.ts';
import { blocksTrouble, hubObserver, repairObserver } from './observers.ts';

export type FleetParts = {
  readonly hub: RunnerHub;
  readonly repair: Repair;
  readonly blocks: RunnerBlocks;
  /** Puts the model's prefixes before texts. */
  readonly embedding: EmbeddingService;
  readonly queries: QueryVectors;
  readonly requestEmbeddings: RequestEmbeddings;
  readonly joinTokens: JoinTokens;
  readonly admitRunner: AdmitRunner;
  /** The token of the gateway's own runners. */
  readonly ownToken: string;
};

export type FleetPartsOptions = {
  readonly config: Config;
  readonly model: GatewayModel;
  readonly store: VectorStore;
  readonly access: Access;
  /** Absolute. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The tokens are added to it: the log must not show them. */
  readonly secrets: Set<string>;
  readonly telemetry: Telemetry;
  readonly live: Live;
};

/**
 * `opened` takes ownership of everything that is opened.
 *
 * @throws UsageError when a file of tokens cannot be used.
 */
export async function openFleet(
  {
    config,
    model,
    store,
    access,
    dataDir,
    clock,
    log,
    secrets,
    telemetry,
    live,
  }: FleetPartsOptions,
  opened: AsyncDisposableStack,
): Promise<FleetParts> {
  const { identity, golden, bounds, prefixes } = model;
  const { backoff } = pipelineLimits(config);
  const { tokens, blocks, joinTokens, ownToken, addressMark } = await openJoining({
    config,
    store,
    dataDir,
    clock,
    log,
  });
  for (const token of [tokens.shared, ...tokens.trusted]) secrets.add(token);

  const repair = new Repair({
    store,
    clock,
    limits: hubLimits(config),
    isShared: store.kind === 'qdrant',
    backoff,
    observer: repairObserver(telemetry, log, clock),
    // The hub reports to the repair, which embeds through the hub.
    embedding: { embed: (text, options) => embedding.embed(text, options) },
  });
  const hub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens,
    clock,
    log,
    provenanceLog: repair,
    blocks,
    addressMark,
    random: secureRandom(),
    addressOf: (request) => runnerAddress(access, request),
    limits: hubLimits(config),
    expectsTrusted: config.runners.count !== 0 || config.runners.trustedToken !== null,
    observer: hubObserver(telemetry, live, () => queries.clear()),
  });
  opened.defer(() => hub.close());
  const embedding = withPrefixes(hub.service, prefixes);
  const runnerReady = (): boolean => hub.runners().some(({ state }) => state === 'ready');
  const queries = new QueryVectors({ embedding, limits: config.search, runnerReady });
  return {
    hub,
    repair,
    blocks,
    embedding,
    queries,
    requestEmbeddings: new RequestEmbeddings({
      ...requestEmbeddingLimits,
      embedding: hub.service,
      runnerReady,
      get waitMsMax() {
        return config.embeddings.waitMsMax;
      },
      get runnerWaitMsMax() {
        return config.search.waitMsMax;
      },
    }),
    joinTokens,
    admitRunner: limitTokenGuesses(access, (headers) => checkRunnerToken(headers, tokens)),
    ownToken,
  };
}

/** Opens what decides who may join: the tokens of runners, and the blocks. */
async function openJoining({
  config,
  store,
  dataDir,
  clock,
  log,
}: Pick<FleetPartsOptions, 'config' | 'store' | 'dataDir' | 'clock' | 'log'>): Promise<
  Pick<FleetParts, 'blocks' | 'joinTokens' | 'ownToken'> & {
    readonly tokens: RunnerTokens;
    readonly addressMark: (address: string) => string;
  }
> {
  const { trustedToken, token } = config.runners;
  const blocks = new RunnerBlocks({
    store: store.runnerBlockStore,
    clock,
    backoff: pipelineLimits(config).backoff,
    onFailure: blocksTrouble(log, clock),
  });
  const shared = token ?? (await localSecret(dataDir, 'runner-token'));
  // Whoever knows it can make join tokens, each of which counts as another owner: runners must not.
  const secret =
    trustedToken ??
    (store.kind === 'qdrant' ? shared : await localSecret(dataDir, 'join-token-key'));
  const joinTokens = await openJoinTokens({ secret, dataDir, clock, blocks });
  const ownToken = freshToken();
  const tokens = {
    shared,
    trusted: trustedToken === null ? [ownToken] : [ownToken, trustedToken],
    join: (text: string) => joinTokens.verify(text),
  };
  return { blocks, joinTokens, ownToken, tokens, addressMark: addressMarks(secret) };
}
