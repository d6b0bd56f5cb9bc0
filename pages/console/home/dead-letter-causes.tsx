// Shows how many dead letters each cause has.

import { Bars, Card, Empty } from '../../shared/components.tsx';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';
import { usePolled } from '../use-gateway.ts';

export function DeadLetterCauses({ session }: { readonly session: Session }) {
  const counts = usePolled(session, (signal) => session.client.deadLetters.stats({ signal }), 5000);
  const bars = Object.entries(counts?.by_reason ?? {})
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => ({
      key: reason,
      label: reasonName(reason),
      value: count,
      text: count.toLocaleString('en'),
    }));
  return (
    <Card title="Dead letters by cause">
      {counts !== null && bars.length === 0 && (
        <Empty title="None.">
          <p>An event that cannot be stored is kept with its reason and shows up here.</p>
        </Empty>
      )}
      {bars.length > 0 && (
        <>
          <Bars bars={bars} />
          <p class="hint">
            {counts?.by_state.open.toLocaleString('en')} open,{' '}
            {counts?.by_state.replayed.toLocaleString('en')} replayed,{' '}
            {counts?.by_state.purged.toLocaleString('en')} purged
          </p>
        </>
      )}
    </Card>
  );
}
