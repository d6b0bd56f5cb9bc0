// Dead letters: what could not be stored, by cause; look at one, mend it, replay it or purge it.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import { Empty, Notice } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';
import { useKept } from '../use-kept.ts';
import { CauseActions } from './cause-actions.tsx';
import { Causes } from './causes.tsx';
import type { RuleLine } from './correction-rule.ts';
import { DeadLetterEditor } from './dead-letter-editor.tsx';
import { groupsOf, shownOf, type DeadLetterGroup, type Grouping } from './dead-letter-groups.ts';
import { lettersMax, useOpenLetters } from './use-open-letters.ts';

export function DeadLetters({ session }: { readonly session: Session }) {
  const [changes, setChanges] = useState(0);
  const [pinned, setPinned] = useState<DeadLetter | null>(null);
  const [drafts, draft] = useKept<string>();
  const [rules, keepRule] = useKept<readonly RuleLine[]>();
  /** What an action is about stays until it has ended. */
  const [held, setHeld] = useState<ReturnType<typeof shownOf>>(null);
  const [told, setTold] = useState<{ readonly isBad: boolean; readonly text: string } | null>(null);
  const detail = useRef<HTMLDivElement>(null);
  const [find, setFind] = useState('');
  const [by, setBy] = useState<Grouping>('cause');
  const { open, deadLetters, text: found } = useOpenLetters(session, changes, find);
  const groups = useMemo(() => groupsOf(deadLetters ?? [], by), [deadLetters, by]);
  const shown = held ?? shownOf(groups, pinned, pinned !== null && drafts.has(pinned.id), by);
  // What a person looks at stays, whatever else arrives.
  useEffect(() => setPinned(shown?.deadLetter ?? null), [shown?.deadLetter.id]);
  const tell = (isBad: boolean, text: string): void => {
    setTold({ isBad, text });
    setChanges((count) => count + 1);
  };
  const choose = ({ deadLetters: [newest, ...older] }: DeadLetterGroup): void => {
    setPinned(older.find(({ id }) => drafts.has(id)) ?? newest ?? null);
    if (isOneColumn()) detail.current?.focus();
  };
  return (
    <div class="stack">
      <Heading open={open} />
      {told !== null && <Notice tone={told.isBad ? 'bad' : 'good'}>{told.text}</Notice>}
      {deadLetters === null && (
        <p class="quiet" role="status">
          Reading the dead letters…
        </p>
      )}
      {open === 0 && (
        <Empty title="Every event could be stored.">
          <p>
            An event that is malformed, too large or refused would wait here. Nothing is lost: you
            can mend it and replay it.
          </p>
        </Empty>
      )}
      {(shown !== null || find !== '') && (
        <div class="dead-letters">
          <Causes
            {...{ groups, find, by }}
            chosen={shown?.group.key ?? null}
            isCut={deadLetters?.length === lettersMax}
            onFind={setFind}
            onBy={setBy}
            onChoose={choose}
          />
          {shown !== null && (
            <div class="stack" ref={detail} tabIndex={-1}>
              <CauseActions
                key={`${shown.group.key} ${found}`}
                session={session}
                group={shown.group}
                found={found}
                rule={rules.get(shown.group.key) ?? null}
                onRule={(rule) => keepRule(shown.group.key, rule)}
                onBusy={(isBusy) => setHeld(isBusy ? shown : null)}
                onDone={tell}
              />
              <LetterCard
                {...{ session, drafts, ...shown }}
                onChoose={setPinned}
                onDraft={draft}
                onDone={tell}
              />
            </div>
          )}
        </div>
      )}
    </div>
  );
}

function Heading({ open }: { readonly open: number | null }) {
  const title =
    open === null
      ? 'Dead letters'
      : open === 0
        ? 'No dead letters'
        : `${formatCount(open)} dead ${open === 1 ? 'letter' : 'letters'}`;
  return (
    <div class="health-head">
      <h1>{title}</h1>
      <p class="quiet">Events that could not be stored, kept with their reason.</p>
    </div>
  );
}

/** As in console.css: the detail is below the list, out of sight. */
const isOneColumn = (): boolean => !matchMedia('(min-width: 60rem)').matches;

function LetterCard({
  session,
  group,
  deadLetter,
  drafts,
  onChoose,
  onDraft,
  onDone,
}: {
  readonly session: Session;
  readonly group: DeadLetterGroup;
  readonly deadLetter: DeadLetter;
  readonly drafts: ReadonlyMap<string, string>;
  readonly onChoose: (deadLetter: DeadLetter) => void;
  readonly onDraft: (id: string, text: string | null) => void;
  readonly onDone: (isBad: boolean, text: string) => void;
}) {
  const newer = group.deadLetters.filter(({ failed_at: at }) => at > deadLetter.failed_at).length;
  const choose = (id: string): void => {
    const chosen = group.deadLetters.find((each) => each.id === id);
    if (chosen !== undefined) onChoose(chosen);
  };
  return (
    <section class="card" aria-label="Dead letters of this cause">
      <header class="card-head">
        <h2>{group.field ?? reasonName(group.reason)}</h2>
        <label class="dead-letter-choice">
          Letter{' '}
          <select value={deadLetter.id} onChange={(event) => choose(event.currentTarget.value)}>
            {group.deadLetters.map((each) => (
              <option key={each.id} value={each.id}>
                {new Date(each.failed_at).toLocaleString('en-GB')} {each.event_id ?? ''}
                {drafts.has(each.id) ? ' (changed)' : ''}
              </option>
            ))}
          </select>
          {newer > 0 && <span class="hint">{formatCount(newer)} newer</span>}
        </label>
      </header>
      <DeadLetterEditor
        key={deadLetter.id}
        session={session}
        deadLetter={deadLetter}
        draft={drafts.get(deadLetter.id) ?? null}
        onDraft={(text) => onDraft(deadLetter.id, text)}
        onDone={(isBad, text) => {
          onDraft(deadLetter.id, null);
          onDone(isBad, text);
        }}
      />
    </section>
  );
}
