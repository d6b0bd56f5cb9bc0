// What a newcomer can do first: send an event, search it, lend a tab, read on.

import { useState } from 'preact/hooks';
import { randomUuid } from '#core/event/random-uuid.ts';
import { CopyLine } from '../../shared/components.tsx';
import type { Session } from '../session.ts';

const exampleEvent = (id: string) => ({
  event_id: id,
  timestamp: new Date().toISOString(),
  user_id: 'newcomer',
  session_id: 'first-steps',
  event_type: 'view' as const,
  product: {
    id: 'first-steps-ukulele',
    name: 'Walnut ukulele for children',
    category: 'Musical instruments',
    price: 39.9,
  },
});

export function FirstSteps({
  session,
  isOpen,
}: {
  readonly session: Session;
  readonly isOpen: boolean;
}) {
  const [told, setTold] = useState('');
  const { url } = session;
  const event = JSON.stringify(exampleEvent('my-first-event'));
  const send = async (): Promise<void> => {
    try {
      const { items } = await session.client.events.send([exampleEvent(randomUuid())]);
      const [item] = items;
      setTold(
        item?.status === 'accepted'
          ? 'Sent. It appears under “Newest searchable events”.'
          : `It was not accepted: ${JSON.stringify(item)}`,
      );
    } catch (error) {
      setTold(session.explain(error));
    }
  };
  return (
    <details class="card first-steps" open={isOpen}>
      <summary>
        <h2>First steps</h2>
      </summary>
      <ol>
        <li>
          <h3>Send an event</h3>
          <CopyLine text={`curl ${url}/events -H 'Content-Type: application/json' -d '${event}'`} />
          <p class="actions">
            <button class="button is-small" type="button" onClick={() => void send()}>
              Or send it from here
            </button>
            <span class="hint" role="status">
              {told}
            </span>
          </p>
        </li>
        <li>
          <h3>Find it by what it means</h3>
          <CopyLine
            text={
              `curl ${url}/search -H 'Content-Type: application/json' ` +
              `-d '{"query":"gift for a child who likes music"}'`
            }
          />
        </li>
        <li>
          <h3>Send ten thousand more</h3>
          <CopyLine text={`npm run generate -- --count 10000 --target ${url}`} />
        </li>
        <li>
          <h3>Lend a tab, and read on</h3>
          <p>
            A <a href="lend">tab of any browser</a> can compute vectors for this gateway. The{' '}
            <a href="demo">demo</a> searches a list within a tab alone. The{' '}
            <a href="docs">API reference</a> has one call for every path.
          </p>
        </li>
      </ol>
    </details>
  );
}
