// Says whether this gateway can take events and answer searches, and if not, which part is why.

import type { FleetStats, RunnerView } from '../../fleet/hub-types.ts';
import { expiresSoonMs } from '../../http/tls-certificate.ts';
import type { Services } from '../services.ts';

/** `intake`: events are taken and kept. `search`: queries are answered from what is stored. */
export const purposes = ['intake', 'search'] as const;
export type Purpose = (typeof purposes)[number];

/** Causes that have a runbook of their own. */
export const causeCodes = [
  'certificate_expires',
  'needs_trusted_runner',
  'runner_quarantined',
  'timestamps_ahead',
  'unchecked_fleet',
] as const;
export type CauseCode = (typeof causeCodes)[number];

export const causeComponents = [
  'source',
  'store',
  'runners',
  'disk',
  'certificate',
  'schema_registry',
  'sink',
] as const;

export type Cause = {
  readonly component: (typeof causeComponents)[number];
  readonly message: string;
  readonly code?: CauseCode;
};
type UnreadyCause = Cause & {
  readonly component: Exclude<Cause['component'], 'certificate' | 'schema_registry' | 'sink'>;
};

/**
 * Everything that prevents this purpose, or with `null` that keeps new events from becoming
 * searchable; empty when the gateway is ready. Intake asks no store and no runner: without these,
 * events wait in the log.
 */
export async function causesOfUnreadiness(
  services: Services,
  purpose: Purpose | null,
): Promise<readonly UnreadyCause[]> {
  return [
    ...(purpose === 'search' ? [] : intakeCauses(services)),
    ...(purpose === 'intake' ? [] : await searchCauses(services)),
  ];
}

function intakeCauses({ source, disk }: Services): readonly UnreadyCause[] {
  const { level, problem } = disk.state();
  const trouble = source.health();
  return [
    ...(level === 'out' && problem !== null
      ? [{ component: 'disk' as const, message: problem }]
      : []),
    ...(trouble === null ? [] : [{ component: 'source' as const, message: trouble }]),
  ];
}

async function searchCauses({ gauges, runners }: Services): Promise<readonly UnreadyCause[]> {
  const causes: UnreadyCause[] = [];
  const store = await gauges.storeWorks();
  if (store.trouble !== null) causes.push({ component: 'store', message: store.trouble });
  const connected = connectedOf(runners());
  if (!connected.some(({ state }) => state === 'ready')) {
    causes.push({ component: 'runners', message: noReadyRunner(connected.length) });
  }
  return causes;
}

/** Runners without those in quarantine, which are shown and do not work. */
export const connectedOf = (runners: readonly RunnerView[]): readonly RunnerView[] =>
  runners.filter(({ state }) => state !== 'quarantined');

export const noReadyRunner = (connected: number): string =>
  connected === 0
    ? 'no runner is connected'
    : `none of ${connected} connected runners is ready yet`;

/** `outage`: a part does not do its work. `warning`: it does, and somebody should look. */
export const severities = ['outage', 'warning'] as const;
export type JudgedCause = Cause & { readonly severity: (typeof severities)[number] };

/** Everything that is wrong; empty when all is well. */
export async function causesOf(services: Services): Promise<readonly JudgedCause[]> {
  const certificate = services.certificate();
  const isExpired = certificate !== null && certificate.expiresAt <= services.clock.now();
  const warnings = warningsOf(services).map((cause) => ({
    ...cause,
    severity:
      cause.component === 'schema_registry' ||
      cause.component === 'sink' ||
      (isExpired && cause.component === 'certificate')
        ? ('outage' as const)
        : ('warning' as const),
  }));
  const outages = await causesOfUnreadiness(services, null);
  return [...outages.map((cause) => ({ ...cause, severity: 'outage' as const })), ...warnings];
}

/** What is wrong although the gateway is ready; empty when all is well. */
export function warningsOf(services: Services): readonly Cause[] {
  const { disk, timestamps, fleet, runners, certificate, clock, telemetry } = services;
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
    ...quarantineCauses(runners()),
    ...certificateCauses(certificate(), clock.now()),
    ...(telemetry.circuitOf('schema_registry') === 'closed' ? [] : [registryIsDown]),
    ...(telemetry.circuitOf('sink') === 'closed' ? [] : [sinkIsDown]),
  ];
}

const registryIsDown: Cause = {
  component: 'schema_registry',
  message: 'it does not answer, or refuses the login: records wait in the log until it is back',
};

const sinkIsDown: Cause = {
  component: 'sink',
  message: 'sink.topic takes no records: events wait in the log until it does',
};

function fleetCauses({ held, checkedBy }: FleetStats): readonly Cause[] {
  const causes: Cause[] = [];
  if (checkedBy !== 'trusted')
    causes.push({
      component: 'runners',
      code: 'unchecked_fleet',
      message:
        (checkedBy === 'nobody'
          ? 'nobody checks this fleet: no trusted runner is ready, so wrong vectors are not noticed'
          : 'no trusted runner is ready: runners only check each other, and the majority is ' +
            'believed') + '; start one with VECTORSTREAM_TRUSTED_RUNNER_TOKEN',
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

/** Names no runner: readiness is shown to everybody. */
function quarantineCauses(runners: readonly RunnerView[]): readonly Cause[] {
  const wrong = runners.filter(({ state }) => state === 'quarantined');
  if (wrong.length === 0) return [];
  const devices = [...new Set(wrong.map(({ device }) => device))].join(', ');
  return [
    {
      component: 'runners',
      code: 'runner_quarantined',
      message:
        `in quarantine, because of wrong vectors: ${wrong.length} on ${devices}; ` +
        'GET /runners says which and why',
    },
  ];
}

function certificateCauses(
  certificate: ReturnType<Services['certificate']>,
  now: number,
): readonly Cause[] {
  if (certificate === null || certificate.expiresAt - now >= expiresSoonMs) return [];
  const { expiresAt } = certificate;
  const when = new Date(expiresAt).toISOString();
  return [
    {
      component: 'certificate',
      code: 'certificate_expires',
      message:
        (expiresAt > now ? `it expires at ${when}` : `it expired at ${when}`) +
        ': put a renewed pair in the same files',
    },
  ];
}
