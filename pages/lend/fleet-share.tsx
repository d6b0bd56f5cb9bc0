// Shows how much of the fleet's work this tab does, where the gateway tells this page.

import { useEffect, useState } from 'preact/hooks';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import { Figure } from '../shared/components.tsx';
import { formatCount } from '../shared/format.ts';
import { gatewayAddress } from '../shared/gateway-address.ts';
import { apiKey } from '../shared/tab-secrets.ts';

const everyMs = 3000;

type Listed = { readonly items?: readonly { readonly texts_embedded?: unknown }[] };

export function FleetShare({
  own,
  runnerId,
}: {
  readonly own: number;
  readonly runnerId: string | null;
}) {
  const [total, setTotal] = useState<number | null>(null);
  useEffect(() => {
    if (runnerId === null) return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    const follow = async (): Promise<void> => {
      // Without the scope to read, the share is not shown.
      do setTotal(await fleetTotal(signal));
      while (await rest(systemClock, everyMs, signal));
    };
    void follow();
    return () => leaving.abort();
  }, [runnerId]);
  if (total === null || total === 0) return null;
  return (
    <Figure
      label="Share of the fleet's work"
      value={`${Math.min(100, Math.round((100 * own) / total))} %`}
      note={`of ${formatCount(Math.max(own, total))} vectors by all who are in it now`}
    />
  );
}

/** `null`: not told. */
async function fleetTotal(signal: AbortSignal): Promise<number | null> {
  const key = apiKey.read();
  try {
    const response = await fetch(`${gatewayAddress()}/runners`, {
      signal,
      ...(key !== null && { headers: { Authorization: `Bearer ${key}` } }),
    });
    if (!response.ok) return null;
    const { items = [] }: Listed = await response.json();
    return items.reduce((sum, { texts_embedded: texts }) => sum + (Number(texts) || 0), 0);
  } catch {
    return null;
  }
}
