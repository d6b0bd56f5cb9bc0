// Says whether this gateway can take events and answer searches, and if not, which part is why.

import type { FleetStats } from '../../fleet/hub-types.ts';
import type { Services } from '../services.ts';

/** `intake`: events are taken and kept. `search`: queries are answered from what is stored. */
export const purposes = ['intake', 'search'] as const;
export type Purpose = (typeof purposes)[number];

/** Causes that have a runbook of their own. */
export const causeCodes = ['needs_trusted_runner', 'timestamps_ahead', 'unchecked_fleet'] as const;
export type CauseCode = (typeof causeCodes)[number];

export type Cause = {
  readonly component: 'source' | 'store' | 'runners' | 'disk';
  readonly message: string;
  readonly code?: CauseCode;
};

/**
 * Everything that prevents this purpose, or with `null` that keeps new events from becoming
 * searchable; empty when the gateway is ready. Intake asks no store and no runner: without these,
 * events wait in the log.
 */
export async function causesOfUnreadiness(
  services: Services,
  purpose: Purpose | null,
): Promise<readonly Cause[]> {
  return [
    ...(purpose === 'search' ? [] : intakeCauses(services)),
    ...(purpose === 'intake' ? [] : await searchCauses(services)),
  ];
}

function intakeCauses({ source, disk }: Services): readonly Cause[] {
  const { level, problem } = disk.state();
  const trouble = source.health();
  return [
    ...(level === 'out' && problem !== null
      ? [{ component: 'disk' as const, message: problem }]
      : []),
    ...(trouble === null ? [] : [{ component: 'source' as const, message: trouble }]),
  ];
}

async function searchCauses({ gauges, runners }: Services): Promise<readonly Cause[]> {
  const causes: Cause[] = [];
  const store = await gauges.storeWorks();
  if (store.trouble !== null) causes.push({ component: 'store', message: store.trouble });
  const connected = runners();
  if (!connected.some(({ state }) => state === 'ready')) {
    const message =
      connected.length === 0
        ? 'no runner is connected'
        : `none of ${connected.length} connected runners is ready yet`;
    causes.push({ component: 'runners', message });
  }
  return causes;
}

/** Everything that is wrong; empty when all is well. */
export async function causesOf(services: Services): Promise<readonly Cause[]> {
  return [...(await causesOfUnreadiness(services, null)), ...warningsOf(services)];
}

/** What is wrong although the gateway is ready; empty when all is well. */
export function warningsOf({ disk, timestamps, fleet }: Services): readonly Cause[] {
  const { level, problem } = disk.state();
  const misdated = timestamps.state().problem;
  return [
    ...(level === 'low' && problem !== null
      ? [{ component: 'disk' as const, message: problem }]
      : []),
    ...(misdated === null
      ? []
      : [{ component: 'source' as const, code: 'timestamps_ahead' as const, message: misdated }]),
    ...fleetCauses(fleet()),
  ];
}

function fleetCauses({ held, checkedBy }: FleetStats): readonly Cause[] {
  const causes: Cause[] = [];
  if (checkedBy === 'nobody')
    causes.push({
      component: 'runners',
      code: 'unchecked_fleet',
      message:
        'nobody checks this fleet: no trusted runner is ready, so wrong vectors are not noticed; ' +
        'start one with VECTORSTREAM_TRUSTED_RUNNER_TOKEN',
    });
  if (held > 0)
    causes.push({
      component: 'runners',
      code: 'needs_trusted_runner',
      message:
        `texts that untrusted runners refuse (${held}) wait for a trusted runner; ` +
        'intake pauses once too many events wait',
    });
  return causes;
}
