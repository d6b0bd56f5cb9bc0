// One dead letter: why it failed, its content to mend, and its replay.

import { useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import { Notice } from '../../shared/components.tsx';
import type { Session } from '../session.ts';
import { useOnce } from '../use-gateway.ts';
import { failingLines } from './failing-lines.ts';
import { readable } from './readable-json.ts';

export function DeadLetterEditor({
  session,
  deadLetter,
  draft,
  onDraft,
  onDone,
}: {
  readonly session: Session;
  readonly deadLetter: DeadLetter;
  /** What was typed; `null`: nothing. */
  readonly draft: string | null;
  readonly onDraft: (text: string | null) => void;
  readonly onDone: (isBad: boolean, text: string) => void;
}) {
  const { id, message } = deadLetter;
  const { deadLetters } = session.client;
  // A list cuts large values.
  const whole = useOnce(session, (signal) => deadLetters.get(id, { signal }));
  const [trouble, setTrouble] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const original = whole === null ? null : readable(whole.value);
  const isBinary = whole?.base64.includes('value') ?? false;
  const replay = async (): Promise<void> => {
    setBusy(true);
    try {
      await deadLetters.replay(id, draft === null ? {} : { payload: draft });
      setTrouble(null);
      // Stays busy: the next dead letter takes the place of this one.
      onDone(false, 'Replayed: the event is in the log again.');
    } catch (error) {
      setTrouble(session.explain(error));
      setBusy(false);
    }
  };
  return (
    <div class="dead-letter">
      <Notice tone="warn">{message}</Notice>
      <Facts deadLetter={deadLetter} />
      <Failing text={draft ?? original ?? ''} field={deadLetter.field} />
      <label>
        Event
        <textarea
          rows={14}
          spellcheck={false}
          value={draft ?? original ?? ''}
          placeholder={original === null ? 'Reading it…' : ''}
          readOnly={isBinary || original === null || isBusy}
          onInput={({ currentTarget: { value } }) => onDraft(value === original ? null : value)}
        />
      </label>
      {isBinary && <p class="hint">It is not text, and is shown in base64.</p>}
      {trouble !== null && <Notice tone="bad">{trouble}</Notice>}
      <p class="actions">
        <button
          class="button is-primary"
          type="button"
          disabled={original === null || isBusy}
          onClick={() => void replay()}
        >
          {draft === null ? 'Replay unchanged' : 'Replay as mended'}
        </button>
        {draft !== null && (
          <button class="button" type="button" disabled={isBusy} onClick={() => onDraft(null)}>
            Undo the changes
          </button>
        )}
      </p>
    </div>
  );
}

/** Where it failed, in the event as it is now. */
function Failing({ text, field }: { readonly text: string; readonly field: string | null }) {
  const lines = field === null ? null : failingLines(text, field);
  if (lines === null) return null;
  const { before, failing, after } = lines;
  return (
    <pre class="failing" role="group" aria-label={`Where ${field} is`}>
      {`${before}\n`}
      <mark>{failing}</mark>
      {`\n${after}`}
    </pre>
  );
}

function Facts({
  deadLetter: { field, origin, failed_at: failedAt },
}: {
  readonly deadLetter: DeadLetter;
}) {
  return (
    <dl class="facts">
      <div>
        <dt>Field</dt>
        <dd>{field ?? 'the whole event'}</dd>
      </div>
      <div>
        <dt>Failed</dt>
        <dd>{new Date(failedAt).toLocaleString('en-GB')}</dd>
      </div>
      <div>
        <dt>Came from</dt>
        <dd>
          {origin.topic}, partition {origin.partition}, offset {origin.offset}
        </dd>
      </div>
    </dl>
  );
}
