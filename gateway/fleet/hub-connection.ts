// One runner's connection as the hub keeps it, and what is told of it.

import type { Fleet } from '#core/fleet/fleet.ts';
import type { RunnerChecks } from '#core/fleet/runner-checks.ts';
import type { RunnerState } from '#core/fleet/runner-state.ts';
import type { Channel, Provenance } from '#core/ports.ts';
import type { GatewaySession } from '#core/protocol/gateway-session.ts';
import type { RunnerView } from './hub-types.ts';
import type { Identity } from './runner-identity.ts';

export type HubConnection = {
  readonly session: GatewaySession;
  readonly channel: Channel;
  readonly identity: Identity;
  /** UTC ms. */
  readonly connectedAt: number;
  /** `null` until it has passed the check at the door. */
  checks: RunnerChecks | null;
  textsEmbedded: number;
  /** UTC ms: what it embedded before has passed its checks. */
  verifiedUntil: number;
};

const states: Readonly<Record<string, RunnerState>> = { ready: 'ready', draining: 'draining' };

/** `null` until it has greeted. */
export function viewOf(
  { session, identity, connectedAt, textsEmbedded }: HubConnection,
  fleet: Fleet,
): RunnerView | null {
  const { hello } = session;
  if (hello === null) return null;
  const { name, kind, device, dtype, adapter, softwareAdapter } = hello;
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
    trusted: identity.trusted,
    tokenId: identity.token?.id ?? null,
    state: states[session.state] ?? 'joining',
    textsPerSecond: fleet.textsPerSecond(session.id),
    jobsInWork: fleet.jobsInWork(session.id),
    lastGoldenCosine: session.lastGoldenCosine?.mean ?? null,
    quarantine: null,
  };
}

export function provenanceOf(
  { session, verifiedUntil }: HubConnection,
  embeddedAt: number,
): Provenance {
  return {
    runnerSession: session.id,
    runnerName: session.hello?.name ?? '',
    device: session.hello?.device ?? 'unknown',
    dtype: session.hello?.dtype ?? '',
    embeddedAt,
    checkedAt: verifiedUntil,
  };
}
