// Shows how many dead letters of each cause are open.

import { Bars, Card, Empty } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';
import { usePolled } from '../use-gateway.ts';

export function DeadLetterCauses({ session }: { readonly session: Session }) {
  const counts = usePolled(session, (signal) => session.client.deadLetters.stats({ signal }), 5000);
  const bars = Object.entries(counts?.open_by_reason ?? {})
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => ({
      key: reason,
      label: reasonName(reason),
      value: count,
      text: formatCount(count),
    }));
  return (
    <Card title="Open dead letters by cause">
      {counts === null && (
        <p class="quiet" role="status">
          Asking…
        </p>
      )}
      {counts !== null && bars.length === 0 && (
        <Empty title="None.">
          <p>An event that cannot be stored is kept with its reason and shows up here.</p>
        </Empty>
      )}
      <Bars bars={bars} />
      {counts !== null && counts.by_state.replayed + counts.by_state.purged > 0 && (
        <p class="hint">
          Besides, {formatCount(counts.by_state.replayed)} were replayed and{' '}
          {formatCount(counts.by_state.purged)} purged.
        </p>
      )}
    </Card>
  );
}
