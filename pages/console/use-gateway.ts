// Connects views to the gateway: the live feed and repeated questions, only while the page is
// visible.

import { useEffect, useState } from 'preact/hooks';
import type { LiveMessage, Topic } from '../../client/client.ts';
import { useStore } from '../shared/observable-store.ts';
import type { Session } from './session.ts';

/** Calls `onMessage` for each message of these topics while the page is visible. */
export function useFeed(
  session: Session,
  topics: readonly Topic[],
  onMessage: (message: LiveMessage) => void,
): void {
  const { version } = useStore(session.store);
  const isVisible = useVisible();
  useEffect(() => {
    if (!isVisible) return undefined;
    const leaving = new AbortController();
    const feed = session.client.live({
      topics,
      signal: leaving.signal,
      onConnection: (isOpen) => session.linked(isOpen),
    });
    const follow = async (): Promise<void> => {
      for await (const message of feed) onMessage(message);
    };
    follow().catch((error: unknown) => session.cannotRead(error));
    return () => leaving.abort();
  }, [version, isVisible]);
}

/**
 * The newest answer, asked for again every `everyMs` if that is no `null`, and at once when a
 * member of `on` changes; `null` before the first.
 */
export function usePolled<T>(
  session: Session,
  ask: (signal: AbortSignal) => Promise<T>,
  everyMs: number | null,
  on: readonly unknown[] = [],
): T | null {
  const { version, access } = useStore(session.store);
  const isVisible = useVisible();
  const [answer, setAnswer] = useState<T | null>(null);
  useEffect(() => {
    if (!isVisible || access !== 'open') return undefined;
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async (): Promise<void> => {
      try {
        setAnswer(await ask(leaving.signal));
      } catch (error) {
        if (!leaving.signal.aborted) session.cannotRead(error);
      }
      if (!leaving.signal.aborted && everyMs !== null)
        timer = setTimeout(() => void poll(), everyMs);
    };
    void poll();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [version, access, isVisible, everyMs, ...on]);
  return answer;
}

/** The answer to a question that is asked once for each key; `null` before. */
export const useOnce = <T>(session: Session, ask: (signal: AbortSignal) => Promise<T>): T | null =>
  usePolled(session, ask, null);

function useVisible(): boolean {
  const [isVisible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const change = (): void => setVisible(!document.hidden);
    document.addEventListener('visibilitychange', change);
    return () => document.removeEventListener('visibilitychange', change);
  }, []);
  return isVisible;
}
