// One runner of the fleet as a row, with its actions.

import { useState } from 'preact/hooks';
import type { Stats } from '../../../client/client.ts';
import { Status, type Tone } from '../../shared/components.tsx';
import { formatCount, formatDevice, formatRate } from '../../shared/format.ts';
import type { Session } from '../session.ts';

export type RunnerView = Stats['runners'][number];
/** Carries out an action, and tells what was done or what is wrong. */
export type Act = (done: string, action: () => Promise<unknown>) => Promise<void>;

const states: Readonly<Record<RunnerView['state'], readonly [Tone, string]>> = {
  joining: ['busy', 'Being checked'],
  ready: ['good', 'Ready'],
  draining: ['warn', 'Leaving'],
  quarantined: ['bad', 'In quarantine'],
};

export function RunnerRow({
  runner,
  session,
  hasTrusted,
  act,
}: {
  readonly runner: RunnerView;
  readonly session: Session;
  /** Whether a trusted runner is ready: without one, nobody is on probation. */
  readonly hasTrusted: boolean;
  readonly act: Act;
}) {
  const [tone, state] = states[runner.state];
  return (
    <tr>
      <th scope="row">
        {runner.name}
        <span class="cell-note">
          {runner.kind}
          {runner.trusted ? ', trusted' : ''}, since{' '}
          {new Date(runner.connected_at).toLocaleTimeString('en-GB')}
        </span>
      </th>
      <td data-label="State">
        <Status tone={tone}>{state}</Status>
        <span class="cell-note">{noteOf(runner, hasTrusted)}</span>
      </td>
      <td data-label="Device">
        {formatDevice(runner.device, runner.dtype)}
        <span class="cell-note">
          {runner.adapter}
          {runner.software_adapter ? ' (software)' : ''}
        </span>
      </td>
      <td class="is-number" data-label="Texts/s">
        {formatRate(runner.texts_per_second)}
      </td>
      <td class="is-number" data-label="Vectors">
        {formatCount(runner.texts_embedded)}
      </td>
      <td class="is-number" data-label="In work">
        {runner.jobs_in_work}
      </td>
      <td class="is-number" data-label="Agreement">
        {runner.reference_cosine?.toFixed(4) ?? '–'}
      </td>
      <td class="is-actions">
        {runner.state !== 'quarantined' && <Actions {...{ runner, session, act }} />}
      </td>
    </tr>
  );
}

/** Why it is in quarantine, or how far it is proven. */
function noteOf({ quarantine, trusted, proof, state }: RunnerView, hasTrusted: boolean): string {
  if (quarantine !== null)
    return `${quarantine.reason}; until ${new Date(quarantine.until).toLocaleTimeString('en-GB')}`;
  return trusted || !hasTrusted || state !== 'ready' || proof.agreed >= proof.needed
    ? ''
    : `on probation: ${proof.agreed} of ${proof.needed} checks passed`;
}

function Actions({ runner, session, act }: Omit<Parameters<typeof RunnerRow>[0], 'hasTrusted'>) {
  const [isAsked, setAsked] = useState(false);
  const { id, name } = runner;
  const { runners } = session.client;
  if (isAsked)
    return (
      <span class="actions">
        <button
          class="button is-small is-danger"
          type="button"
          onClick={() =>
            void act(`${name} is disconnected; its jobs go to others.`, () => runners.remove(id))
          }
        >
          Disconnect {name}
        </button>
        <button class="button is-small" type="button" onClick={() => setAsked(false)}>
          Keep
        </button>
      </span>
    );
  return (
    <span class="actions">
      <button
        class="button is-small"
        type="button"
        disabled={runner.state === 'draining'}
        aria-label={`Drain ${name}`}
        onClick={() => void act(`${name} finishes its jobs and leaves.`, () => runners.drain(id))}
      >
        Drain
      </button>
      <button
        class="button is-small"
        type="button"
        aria-label={`Disconnect ${name}…`}
        onClick={() => setAsked(true)}
      >
        Disconnect…
      </button>
    </span>
  );
}
