// Says whether this gateway can do its work, and if not, which part prevents it.

import type { Services } from '../services.ts';

export type Cause = {
  readonly component: 'source' | 'store' | 'runners' | 'disk';
  readonly message: string;
};

/** Everything that keeps new events from becoming searchable; empty when the gateway is ready. */
export async function causesOfUnreadiness({
  source,
  runners,
  gauges,
  disk,
}: Services): Promise<readonly Cause[]> {
  const { level, problem } = disk.state();
  const causes: Cause[] =
    level === 'out' && problem !== null ? [{ component: 'disk', message: problem }] : [];
  const trouble = source.health();
  if (trouble !== null) causes.push({ component: 'source', message: trouble });
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
  const causes = await causesOfUnreadiness(services);
  const { level, problem } = services.disk.state();
  return level === 'low' && problem !== null
    ? [...causes, { component: 'disk', message: problem }]
    : causes;
}
