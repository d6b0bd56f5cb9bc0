// Connects views to the gateway: the live feed and repeated questions, only while the page is
// visible.

import { useEffect, useState } from 'preact/hooks';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import type { LiveMessage, Topic } from '../../client/client.ts';
import { useStore } from '../shared/observable-store.ts';
import type { Session } from './session.ts';

/** The client reopens a feed that breaks; this is for one that the gateway refused. */
const reopenMs = 10_000;
/** From a failed question to the next attempt, where it is not asked again anyway. */
const askAgainMs = 5000;

/** Calls `onMessage` for each message of these topics while the page is visible. */
export function useFeed(
  session: Session,
  topics: readonly Topic[],
  onMessage: (message: LiveMessage) => void,
): void {
  const { version, access } = useStore(session.store);
  const isVisible = useVisible();
  useEffect(() => {
    if (!isVisible || access !== 'open') return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    const onConnection = (isOpen: boolean): void => session.linked(isOpen);
    const follow = async (): Promise<void> => {
      const reading = session.reading();
      while (!signal.aborted) {
        try {
          for await (const message of session.client.live({ topics, signal, onConnection })) {
            reading.works();
            onMessage(message);
          }
        } catch (error) {
          reading.fails(error);
        }
        await rest(systemClock, reopenMs, signal);
      }
    };
    void follow();
    return () => leaving.abort();
  }, [version, access, isVisible]);
}

/**
 * The newest answer, asked for again every `everyMs` if that is no `null`, and at once when a
 * member of `on` changes; `null` before the first. A question that failed is asked again.
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
    const { signal } = leaving;
    const poll = async (): Promise<void> => {
      const reading = session.reading();
      while (!signal.aborted) {
        try {
          const newest = await ask(signal);
          if (signal.aborted) return;
          reading.works();
          setAnswer(newest);
          if (everyMs === null) return;
        } catch (error) {
          if (!signal.aborted) reading.fails(error);
        }
        await rest(systemClock, everyMs ?? askAgainMs, signal);
      }
    };
    void poll();
    return () => leaving.abort();
  }, [version, access, isVisible, everyMs, ...on]);
  return answer;
}

/** The answer to a question that is answered once for each key; `null` before. */
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
