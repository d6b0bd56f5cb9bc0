// One dead letter: why it failed, its content to mend, and its replay.

import { useEffect, useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import { Notice } from '../../shared/components.tsx';
import type { Session } from '../session.ts';
import { useOnce } from '../use-gateway.ts';
import { readable } from './letter-groups.ts';

export function LetterEditor({
  session,
  letter,
  onDone,
}: {
  readonly session: Session;
  readonly letter: DeadLetter;
  readonly onDone: (isBad: boolean, text: string) => void;
}) {
  const { id, message, field, origin, failed_at: failedAt } = letter;
  const { deadLetters } = session.client;
  // A list cuts large values.
  const whole = useOnce(session, (signal) => deadLetters.get(id, { signal }));
  const [text, setText] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    if (whole !== null) setText((typed) => typed ?? readable(whole.value));
  }, [whole]);
  const isBinary = letter.base64.includes('value');
  const isChanged = text !== null && whole !== null && text !== readable(whole.value);
  const attempt = async (done: string, action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
      setTrouble(null);
      onDone(false, done);
    } catch (error) {
      setTrouble(session.explain(error));
    }
  };
  const replay = (): Promise<unknown> => deadLetters.replay(id, isChanged ? { payload: text } : {});
  return (
    <div class="letter">
      <Notice tone="warn">{message}</Notice>
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
      <label>
        Event
        <textarea
          rows={14}
          spellcheck={false}
          value={text ?? ''}
          readOnly={isBinary}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {isBinary && <p class="hint">It is not text, and is shown in base64.</p>}
      {trouble !== null && <Notice tone="bad">{trouble}</Notice>}
      <p class="actions">
        <button
          class="button is-primary"
          type="button"
          disabled={text === null}
          onClick={() => void attempt('Replayed: the event is in the log again.', replay)}
        >
          {isChanged ? 'Replay as mended' : 'Replay unchanged'}
        </button>
        {isChanged && (
          <button class="button" type="button" onClick={() => setText(readable(whole.value))}>
            Undo the changes
          </button>
        )}
      </p>
    </div>
  );
}
