// Reads how many dead letters are open, and the newest of those that contain a text.

import { useEffect, useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import type { Session } from '../session.ts';
import { useFeed, usePolled } from '../use-gateway.ts';

const everyMs = 5000;
/** The wait from the last keystroke to the question. */
const typingMs = 200;
/** The most dead letters that are grouped. Older ones appear when these are mended. */
export const lettersMax = 1000;

/**
 * @param changes a new value reads all again
 * @param find as typed
 */
export function useOpenLetters(
  session: Session,
  changes: number,
  find: string,
): {
  /** `null` before the first answer. */
  readonly open: number | null;
  readonly deadLetters: readonly DeadLetter[] | null;
  /** What they contain; '' for all. */
  readonly text: string;
} {
  useFeed(session, ['stats'], () => undefined);
  const [text, setText] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setText(find.trim()), typingMs);
    return () => clearTimeout(timer);
  }, [find]);
  const counts = usePolled(
    session,
    (signal) => session.client.deadLetters.stats({ signal }),
    everyMs,
    [changes],
  );
  const open = counts?.by_state.open ?? null;
  const found = usePolled(
    session,
    async (signal) => ({ text, deadLetters: await newestOpen(session, text, signal) }),
    null,
    [changes, open, text],
  );
  return { open, deadLetters: found?.deadLetters ?? null, text: found?.text ?? '' };
}

async function newestOpen(
  session: Session,
  text: string,
  signal: AbortSignal,
): Promise<readonly DeadLetter[]> {
  const query = { state: 'open', limit: 100, ...(text !== '' && { text }) } as const;
  const deadLetters: DeadLetter[] = [];
  for await (const deadLetter of session.client.deadLetters.list(query, { signal })) {
    deadLetters.push(deadLetter);
    if (deadLetters.length === lettersMax) break;
  }
  return deadLetters;
}
