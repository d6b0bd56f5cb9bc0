// Starts and stops the generated events of a gateway that `npm run demo` started.

import { useState } from 'preact/hooks';
import type { Stats } from '../../../client/client.ts';
import { Notice, Status } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';
import type { Session } from '../session.ts';

type GeneratorProps = {
  readonly session: Session;
  readonly state: NonNullable<Stats['generator']>;
};

export function Generator({ session, state }: GeneratorProps) {
  const { running, events_per_second: perSecond, sent } = state;
  const [trouble, setTrouble] = useState('');
  const press = async (): Promise<void> => {
    setTrouble('');
    try {
      await session.client.generator(!running);
    } catch (error) {
      setTrouble(session.explain(error));
    }
  };
  return (
    <section class="card generator" aria-label="Generator">
      <div>
        <Status tone={running ? 'busy' : 'none'}>
          {running ? 'A made-up shop sends events' : 'A made-up shop can send events'}
        </Status>
        <p class="hint">
          {formatCount(perSecond)} a second, for an hour at most
          {sent > 0 && `; ${formatCount(sent)} so far`}
        </p>
      </div>
      <button
        class={`button is-small ${running ? '' : 'is-primary'}`}
        type="button"
        onClick={() => void press()}
      >
        {running ? 'Stop the generator' : 'Start the generator'}
      </button>
      {trouble !== '' && <Notice tone="bad">{trouble}</Notice>}
    </section>
  );
}
