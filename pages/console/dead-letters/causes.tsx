// The causes of the open dead letters, in one list or by producer or hour, and a field that narrows
// them.

import { Choice } from '../../shared/components.tsx';
import { formatCount } from '../../shared/format.ts';
import { reasonName } from '../event-words.ts';
import { whenceText, type DeadLetterGroup, type Grouping } from './dead-letter-groups.ts';
import { lettersMax } from './use-open-letters.ts';

const groupings: readonly (readonly [Grouping, string])[] = [
  ['cause', 'All'],
  ['producer', 'By producer'],
  ['time', 'By hour'],
];

export function Causes({
  groups,
  find,
  by,
  chosen,
  isCut,
  onFind,
  onBy,
  onChoose,
}: {
  readonly groups: readonly DeadLetterGroup[];
  /** As typed. */
  readonly find: string;
  readonly by: Grouping;
  readonly chosen: string | null;
  readonly isCut: boolean;
  readonly onFind: (find: string) => void;
  readonly onBy: (by: Grouping) => void;
  readonly onChoose: (group: DeadLetterGroup) => void;
}) {
  const sections = [...Map.groupBy(groups, ({ section }) => section)];
  return (
    <nav class="card causes" aria-label="Causes">
      <header class="card-head">
        <h2>By cause</h2>
        <Choice label="List the causes" name="by" options={groupings} value={by} onChange={onBy} />
      </header>
      <input
        type="search"
        aria-label="Find in messages and content"
        placeholder="Find in messages and content"
        autocomplete="off"
        value={find}
        onInput={({ currentTarget: { value } }) => onFind(value)}
      />
      {isCut && <p class="hint">Of the newest {formatCount(lettersMax)}.</p>}
      {groups.length === 0 && (
        <p class="quiet" role="status">
          No open dead letter contains “{find}”.
        </p>
      )}
      <div class="cause-list">
        {sections.map(([section, members]) => (
          <section key={section} {...(section !== null && { 'aria-label': section })}>
            {section !== null && <h3>{section}</h3>}
            <ul>
              {members.map((group) => (
                <li key={group.key}>
                  <CauseButton
                    group={group}
                    isChosen={group.key === chosen}
                    onChoose={() => onChoose(group)}
                  />
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </nav>
  );
}

function CauseButton({
  group,
  isChosen,
  onChoose,
}: {
  readonly group: DeadLetterGroup;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  const { reason, field, message, deadLetters } = group;
  return (
    <button class="cause" type="button" aria-pressed={isChosen} onClick={onChoose}>
      <b class="cause-count">{formatCount(deadLetters.length)}</b>
      <span>
        <b>{field ?? reasonName(reason)}</b>
        <span class="cell-note">{message}</span>
        <span class="cell-note">{whenceText(group)}</span>
      </span>
    </button>
  );
}
