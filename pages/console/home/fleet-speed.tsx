// Shows how fast the fleet is, by device.

import type { Stats } from '../../../client/client.ts';
import { Bars, Card, Empty } from '../../shared/components.tsx';
import { formatDevice, formatRate } from '../../shared/format.ts';

type Runners = Stats['runners'];

export function FleetSpeed({ runners }: { readonly runners: Runners | null }) {
  const ready = runners?.filter(({ state }) => state === 'ready') ?? [];
  const speed = (of: Runners): number =>
    of.reduce((sum, { texts_per_second: rate }) => sum + rate, 0);
  const groups = [...Map.groupBy(ready, ({ device, dtype }) => formatDevice(device, dtype))];
  return (
    <Card
      title="Fleet speed"
      aside={ready.length > 0 && <b class="total">{formatRate(speed(ready))} texts/s</b>}
    >
      {runners === null && (
        <p class="quiet" role="status">
          Asking for the runners…
        </p>
      )}
      {runners !== null && ready.length === 0 && (
        <Empty title={runners.length === 0 ? 'No runner is connected.' : 'No runner is ready yet.'}>
          <p>
            {runners.length === 0 ? (
              <>
                <a href="lend">Lend this tab</a>, or run <code>npm run runner</code>.
              </>
            ) : (
              'A new runner first proves that its vectors are right.'
            )}
          </p>
        </Empty>
      )}
      <Bars
        bars={groups.map(([name, members]) => ({
          key: name,
          label: `${name}${members.length > 1 ? ` × ${members.length}` : ''}`,
          value: speed(members),
          text: `${formatRate(speed(members))} texts/s`,
        }))}
      />
    </Card>
  );
}
