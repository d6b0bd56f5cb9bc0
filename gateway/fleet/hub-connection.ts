// One runner's connection as the hub keeps it, and how it appears in the API, the log and the
// provenance of vectors.

import type { Fleet } from '#core/fleet/fleet.ts';
import type { RefusalShare } from '#core/fleet/refusal-share.ts';
import type { RunnerChecks } from '#core/fleet/runner-checks.ts';
import type { RunnerState } from '#core/fleet/runner-state.ts';
import type { Channel, Provenance } from '#core/ports.ts';
import type { GatewaySession } from '#core/protocol/gateway-session.ts';
import type { MeanAgreement } from '#core/trust/agreement.ts';
import type { LastCheck, RunnerView } from './hub-types.ts';
import type { RunnerIdentity } from './runner-identity.ts';

export type HubConnection = {
  readonly session: GatewaySession;
  readonly channel: Channel;
  readonly identity: RunnerIdentity;
  /** Aborts when the connection ends, and cancels the work begun for it alone. */
  readonly ended: AbortController;
  /** UTC ms. */
  readonly connectedAt: number;
  /** `null` until the runner has passed its first golden check. */
  checks: RunnerChecks | null;
  textsEmbedded: number;
  readonly refusals: RefusalShare;
  /** Answers to jobs that it does not have. */
  lateAnswers: number;
  /** UTC ms: vectors that the runner embedded earlier have passed all checks. */
  verifiedUntil: number;
  /**
   * Monotonic ms: when a job was last used of a runner that is not yet proven; `Infinity`: all of
   * them are embedded again; `null`: there was none.
   */
  unprovenAt: number | null;
  lastCheck: LastCheck | null;
  /** Of the checks by trusted runners. */
  readonly mean: MeanAgreement;
};

const states: Readonly<Record<string, RunnerState>> = { ready: 'ready', draining: 'draining' };

/** `null` until the runner has sent its greeting. `now`: monotonic ms. */
export function viewOf(
  { session, identity, connectedAt, textsEmbedded, lastCheck }: HubConnection,
  fleet: Fleet,
  now: number,
): RunnerView | null {
  const { hello } = session;
  if (hello === null) return null;
  const { name, kind, device, dtype, adapter, softwareAdapter } = hello;
  const { agreed, needed } = fleet.proving.probation(session.id);
  return {
    id: session.id,
    name,
    kind,
    device,
    dtype,
    adapter,
    softwareAdapter,
    connectedAt,
    textsEmbedded,
    version: hello.version ?? null,
    address: identity.address,
    trusted: identity.trusted,
    tokenId: identity.token?.id ?? null,
    proof: { agreed, needed },
    inProbation: session.state === 'ready' && fleet.proving.isNewcomer(session.id, now),
    lastCheck,
    state: states[session.state] ?? 'joining',
    textsPerSecond: fleet.textsPerSecond(session.id),
    jobsInWork: fleet.jobsInWork(session.id),
    lastGoldenCosine: session.lastGoldenCosine?.mean ?? null,
    quarantine: null,
  };
}

/** Fields that identify the runner in a log line. */
export function logFieldsOf({ session, identity }: HubConnection): object {
  const { name, kind, device, dtype, adapter } = session.hello ?? {};
  const cosine = session.lastGoldenCosine;
  return {
    runner_id: session.id,
    runner: name,
    kind,
    device,
    dtype,
    adapter,
    trusted: identity.trusted,
    join_token: identity.token?.id,
    ...(cosine !== null && { cosine }),
  };
}

export function provenanceOf(
  { session, verifiedUntil }: HubConnection,
  embeddedAt: number,
): Provenance {
  return {
    runnerSession: session.id,
    runnerName: session.hello?.name ?? '',
    device: deviceOf(session),
    dtype: session.hello?.dtype ?? '',
    embeddedAt,
    checkedAt: verifiedUntil,
  };
}

export const deviceOf = ({ hello }: GatewaySession): string => hello?.device ?? 'unknown';
