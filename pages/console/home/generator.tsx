// Starts and stops the generated events of a gateway that `npm run demo` started.

import { useState } from 'preact/hooks';
import type { Stats } from '../../../client/client.ts';
import { Card, Status } from '../../shared/components.tsx';
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
    <Card
      title="Visitors of a made-up shop"
      class="generator"
      aside={
        <button
          class={`button is-small ${running ? '' : 'is-primary'}`}
          type="button"
          onClick={() => void press()}
        >
          {running ? 'Stop the generator' : 'Start the generator'}
        </button>
      }
    >
      <p class="quiet">
        <Status tone={running ? 'busy' : 'none'}>{running ? 'Sending' : 'Not sending'}</Status>
        {' · '}
        {formatCount(perSecond)} events a second, for an hour at most
        {sent > 0 && ` · ${formatCount(sent)} sent so far`}
      </p>
      <p role="alert">{trouble}</p>
    </Card>
  );
}
