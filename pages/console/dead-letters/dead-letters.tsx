// Dead letters: what could not be stored, by cause; look at one, mend it, replay it or purge it.

import { useMemo, useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import { Empty, Notice } from '../../shared/components.tsx';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';
import { useFeed, usePolled } from '../use-gateway.ts';
import { CauseActions } from './cause-actions.tsx';
import { LetterEditor } from './letter-editor.tsx';
import { groupsOf, type LetterGroup } from './letter-groups.ts';

const everyMs = 5000;
/** The most dead letters that are grouped. Older ones appear when these are mended. */
const shownMax = 500;

export function DeadLetters({ session }: { readonly session: Session }) {
  const [changes, setChanges] = useState(0);
  const [chosen, setChosen] = useState<string | null>(null);
  const [told, setTold] = useState<{ readonly isBad: boolean; readonly text: string } | null>(null);
  useFeed(session, ['stats'], () => undefined);
  const counts = usePolled(
    session,
    (signal) => session.client.deadLetters.stats({ signal }),
    everyMs,
    [changes],
  );
  const open = counts?.by_state.open ?? null;
  const letters = usePolled(session, (signal) => newestOpen(session, signal), null, [
    changes,
    open,
  ]);
  const groups = useMemo(() => groupsOf(letters ?? []), [letters]);
  const group = groups.find(({ key }) => key === chosen) ?? groups[0];
  const tell = (isBad: boolean, text: string): void => {
    setTold({ isBad, text });
    setChanges((count) => count + 1);
  };
  const title =
    open === null
      ? 'Dead letters'
      : open === 0
        ? 'No dead letters'
        : `${open.toLocaleString('en')} dead ${open === 1 ? 'letter' : 'letters'}`;
  return (
    <div class="stack">
      <div class="health-head">
        <h1>{title}</h1>
        <p class="quiet">Events that could not be stored, kept with their reason.</p>
      </div>
      {told !== null && <Notice tone={told.isBad ? 'bad' : 'good'}>{told.text}</Notice>}
      {open === 0 && (
        <Empty title="Every event could be stored.">
          <p>
            An event that is malformed, too large or refused would wait here. Nothing is lost: you
            can mend it and replay it.
          </p>
        </Empty>
      )}
      {group !== undefined && (
        <div class="letters">
          <nav class="card causes" aria-label="Causes">
            <h2>By cause</h2>
            {(letters?.length ?? 0) === shownMax && (
              <p class="hint">Of the newest {shownMax.toLocaleString('en')}.</p>
            )}
            <ul>
              {groups.map((each) => (
                <li key={each.key}>
                  <CauseButton
                    group={each}
                    isChosen={each === group}
                    onChoose={() => setChosen(each.key)}
                  />
                </li>
              ))}
            </ul>
          </nav>
          <div class="stack">
            <CauseActions
              key={group.reason}
              session={session}
              reason={group.reason}
              onDone={tell}
            />
            <LetterList key={group.key} session={session} group={group} onDone={tell} />
          </div>
        </div>
      )}
    </div>
  );
}

function CauseButton({
  group: { reason, field, message, letters },
  isChosen,
  onChoose,
}: {
  readonly group: LetterGroup;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  return (
    <button class="cause" type="button" aria-pressed={isChosen} onClick={onChoose}>
      <b class="cause-count">{letters.length.toLocaleString('en')}</b>
      <span>
        <b>{field ?? reasonName(reason)}</b>
        <span class="cell-note">{message}</span>
      </span>
    </button>
  );
}

function LetterList({
  session,
  group,
  onDone,
}: {
  readonly session: Session;
  readonly group: LetterGroup;
  readonly onDone: (isBad: boolean, text: string) => void;
}) {
  const [id, setId] = useState<string | null>(null);
  const letter = group.letters.find((each) => each.id === id) ?? group.letters[0];
  return (
    <section class="card" aria-label="Dead letters of this cause">
      <header class="card-head">
        <h2>{group.field ?? reasonName(group.reason)}</h2>
        <label class="letter-choice">
          Letter{' '}
          <select value={letter?.id} onChange={(event) => setId(event.currentTarget.value)}>
            {group.letters.map((each) => (
              <option key={each.id} value={each.id}>
                {new Date(each.failed_at).toLocaleString('en-GB')} {each.event_id ?? ''}
              </option>
            ))}
          </select>
        </label>
      </header>
      {letter !== undefined && (
        <LetterEditor key={letter.id} session={session} letter={letter} onDone={onDone} />
      )}
    </section>
  );
}

async function newestOpen(session: Session, signal: AbortSignal): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  const pages = session.client.deadLetters.list({ state: 'open', limit: 100 }, { signal });
  for await (const letter of pages) {
    letters.push(letter);
    if (letters.length === shownMax) break;
  }
  return letters;
}
