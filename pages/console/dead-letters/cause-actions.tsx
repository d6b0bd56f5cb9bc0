// The actions on all dead letters of a cause: replay, mend by a rule, purge. Each counts first and
// shows what would change.

import { useState } from 'preact/hooks';
import { Choice } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';
import type { Session } from '../session.ts';
import { filterOf, scopesOf, type Plan, type Scope } from './cause-plan.ts';
import { firstLine, transformOf, type RuleLine } from './correction-rule.ts';
import type { DeadLetterGroup } from './dead-letter-groups.ts';
import { RuleForm } from './rule-form.tsx';
import { useCausePlan, type CausePlan } from './use-cause-plan.ts';

export type CauseActionsProps = {
  readonly session: Session;
  readonly group: DeadLetterGroup;
  /** What the list was narrowed to; '' for nothing. */
  readonly found: string;
  /** The rule as it was typed; `null`: none. */
  readonly rule: readonly RuleLine[] | null;
  readonly onRule: (rule: readonly RuleLine[] | null) => void;
  /** Something is being done: this cause must stay on the page. */
  readonly onBusy: (isBusy: boolean) => void;
  readonly onDone: (isBad: boolean, text: string) => void;
};

export function CauseActions(props: CauseActionsProps) {
  const { session, group, found, rule, onRule, onBusy, onDone } = props;
  const scopes = scopesOf(group, found);
  const [scope, setScope] = useState<Scope>(scopes[0]?.[0] ?? 'kind');
  const causePlan = useCausePlan(session, onBusy, onDone);
  const { plan, progress, forget, previewReplay, countForPurge } = causePlan;
  const filter = filterOf(group, scope, found);
  const isBusy = progress !== null;
  const transform = rule === null ? null : transformOf(rule);
  return (
    <section class="card" aria-label="All at once">
      <header class="card-head">
        <h2>All at once</h2>
        <Choice
          label="Which dead letters"
          name="scope"
          options={scopes}
          value={scope}
          onChange={(chosen) => {
            setScope(chosen);
            forget();
          }}
        />
        <Buttons
          isBusy={isBusy}
          isRuleOpen={rule !== null}
          onRule={() => onRule(rule === null ? [firstLine(group.field)] : null)}
          onReplay={() => previewReplay(filter, null)}
          onPurge={() => countForPurge(filter)}
        />
      </header>
      {rule !== null && (
        <RuleForm
          lines={rule}
          isBusy={isBusy}
          onLines={(lines) => {
            forget();
            onRule(lines);
          }}
          onPreview={() => {
            if (transform !== null) previewReplay(filter, transform);
          }}
        />
      )}
      {plan === null && !isBusy && (
        <p class="quiet">
          A try changes nothing: it says how many would succeed. A replay writes the events into the
          log again.
        </p>
      )}
      {plan !== null && <PlanView plan={plan} causePlan={causePlan} />}
      {isBusy && <Progress causePlan={causePlan} />}
    </section>
  );
}

function Buttons({
  isBusy,
  isRuleOpen,
  onRule,
  onReplay,
  onPurge,
}: {
  readonly isBusy: boolean;
  readonly isRuleOpen: boolean;
  readonly onRule: () => void;
  readonly onReplay: () => void;
  readonly onPurge: () => void;
}) {
  const look = { class: 'button is-small', type: 'button', disabled: isBusy } as const;
  return (
    <span class="actions">
      <button {...look} aria-expanded={isRuleOpen} onClick={onRule}>
        Mend by a rule
      </button>
      <button {...look} onClick={onReplay}>
        Try a replay
      </button>
      <button {...look} onClick={onPurge}>
        Purge…
      </button>
    </span>
  );
}

function Progress({
  causePlan: { progress, stop, isCountingDown },
}: {
  readonly causePlan: CausePlan;
}) {
  return (
    <p class="actions plan">
      <span role="status">{progress}</span>
      {stop !== null && (
        <button class="button is-small" type="button" onClick={stop}>
          {isCountingDown ? 'Undo' : 'Stop'}
        </button>
      )}
    </p>
  );
}

function PlanView({
  plan,
  causePlan: { progress, go, forget },
}: {
  readonly plan: Plan;
  readonly causePlan: CausePlan;
}) {
  const { kind, count, text, changes } = plan;
  return (
    <div class="plan">
      <p role="status">{text}</p>
      {changes.length > 0 && (
        <ul class="changes" aria-label="What the rule changes in the first events">
          {changes.flat().map((change, index) => (
            <li key={index}>
              <code>{change}</code>
            </li>
          ))}
        </ul>
      )}
      {progress === null && (
        <p class="actions plan">
          {count > 0 && (
            <button
              class={`button is-small ${kind === 'purge' ? 'is-danger' : 'is-primary'}`}
              type="button"
              onClick={() => go(plan)}
            >
              {kind === 'purge' ? 'Purge' : 'Replay'} {formatCount(count)}
            </button>
          )}
          <button class="button is-small" type="button" onClick={forget}>
            Leave them
          </button>
        </p>
      )}
    </div>
  );
}
