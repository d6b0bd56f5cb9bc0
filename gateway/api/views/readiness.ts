// Says whether this gateway can take events and answer searches, and if not, which part is why.

import type { Services } from '../services.ts';

/** `intake`: events are taken and kept. `search`: queries are answered from what is stored. */
export const purposes = ['intake', 'search'] as const;
export type Purpose = (typeof purposes)[number];

export type Cause = {
  readonly component: 'source' | 'store' | 'runners' | 'disk';
  readonly message: string;
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

/** Also what will keep events from becoming searchable soon; empty when all is well. */
export async function causesOfDegradation(services: Services): Promise<readonly Cause[]> {
  const causes = await causesOfUnreadiness(services, null);
  const { level, problem } = services.disk.state();
  return level === 'low' && problem !== null
    ? [...causes, { component: 'disk', message: problem }]
    : causes;
}
