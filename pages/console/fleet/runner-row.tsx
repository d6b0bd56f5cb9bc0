// One runner of the fleet as a row, with its actions.

import { Status, type Tone } from '../../shared/components.tsx';
import { formatCount, formatDevice, formatRate } from '../../shared/format.ts';
import type { Session } from '../session.ts';
import type { Act, RunnerView } from './fleet-types.ts';
import { RunnerActions } from './runner-actions.tsx';
import { agreementRange, workOf, type Look } from './runner-history.ts';
import { WorkLine } from './work-line.tsx';

const states: Readonly<Record<RunnerView['state'], readonly [Tone, string]>> = {
  joining: ['busy', 'Being checked'],
  ready: ['good', 'Ready'],
  draining: ['warn', 'Leaving'],
  quarantined: ['bad', 'In quarantine'],
};

export function RunnerRow({
  runner,
  looks,
  fastest,
  most,
  total,
  reason,
  onReason,
  session,
  act,
}: {
  readonly runner: RunnerView;
  readonly looks: readonly Look[];
  /** Texts a second of the fastest runner. */
  readonly fastest: number;
  /** The most texts a second of any runner in that time. */
  readonly most: number;
  /** Vectors made by all runners. */
  readonly total: number;
  /** As typed, why to keep it out; `null`: nobody is asked. */
  readonly reason: string | null;
  readonly onReason: (reason: string | null) => void;
  readonly session: Session;
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
          {runner.version !== null && `, version ${runner.version}`}
          {runner.address !== null && `, from ${runner.address}`}
        </span>
      </th>
      <td data-label="State">
        <Status tone={tone}>{state}</Status>
        <span class="cell-note">{noteOf(runner)}</span>
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
        <span class="cell-note is-whole">{speedText(runner.texts_per_second, fastest)}</span>
        <WorkLine work={workOf(looks)} most={most} />
      </td>
      <td class="is-number" data-label="Vectors">
        {formatCount(runner.texts_embedded)}
        <span class="cell-note">{shareText(runner.texts_embedded, total)}</span>
      </td>
      <td class="is-number" data-label="In work">
        {runner.jobs_in_work}
      </td>
      <td class="is-number" data-label="Agreement">
        {runner.reference_cosine?.toFixed(4) ?? '–'}
        <span class="cell-note">{agreementRange(looks)}</span>
        <span class="cell-note">{checkText(runner)}</span>
      </td>
      <td class="is-actions">
        {runner.state !== 'quarantined' && (
          <RunnerActions {...{ runner, reason, onReason, session, act }} />
        )}
      </td>
    </tr>
  );
}

/** Why it is in quarantine, or how far it is proven. */
function noteOf({ quarantine, proof, in_probation: isInProbation }: RunnerView): string {
  if (quarantine !== null)
    return `${quarantine.reason}; until ${new Date(quarantine.until).toLocaleTimeString('en-GB')}`;
  return isInProbation ? `in probation: ${proof.agreed} of ${proof.needed} checks passed` : '';
}

/** '' for the fastest, and for one that has not worked yet. */
const speedText = (own: number, fastest: number): string =>
  own === 0 || own >= fastest ? '' : `${Math.round((100 * own) / fastest)} % of the fastest`;

const shareText = (own: number, total: number): string =>
  total === 0 ? '' : `${Math.round((100 * own) / total)} % of all`;

const results = { agreed: 'agreed', differed: 'differed', disputed: 'is disputed' } as const;

/** When its work was last compared, by whom, and how it ended. */
function checkText({ last_check: check, trusted }: RunnerView): string {
  if (check === null) return trusted ? 'it checks others' : 'not checked yet';
  const time = new Date(check.at).toLocaleTimeString('en-GB');
  return `${results[check.result]} at ${time} with ${check.by.join(', ')}`;
}
