// Repeats the search that is shown while events arrive.

import { useEffect, useRef, useState } from 'preact/hooks';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import type { SearchResult } from '../../../client/client.ts';
import type { Session } from '../session.ts';
import type { SearchAnswer } from './use-search.ts';

/** From look to look: a page that is left open costs little. */
const waits = { delayMs: 5000, delayMsMax: 60_000 };

/**
 * A newer answer than the result; `null` while there is none. A gateway without new events is not
 * asked.
 *
 * @param stored how many events are searchable now; `null` while that is not known
 */
export function useNewer(
  session: Session,
  { result, request }: SearchAnswer,
  stored: number | null,
): SearchResult | null {
  const latest = useRef(stored);
  latest.current = stored;
  const [newer, setNewer] = useState<Record<'of' | 'answer', SearchResult> | null>(null);
  useEffect(() => {
    if (result === null) return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    const follow = async (): Promise<void> => {
      let seen = latest.current;
      const delays = new RetryDelays({ backoff: waits, jitter: 'none' });
      while (await rest(systemClock, delays.next(), signal)) {
        const { current } = latest;
        if (current === seen) continue;
        const answer = await session.client.search(request, { signal }).catch(() => null);
        // The state of the connection is shown for the whole page.
        if (answer === null || signal.aborted) continue;
        setNewer({ of: result, answer });
        seen = current;
      }
    };
    void follow();
    return () => leaving.abort();
  }, [result]);
  return newer !== null && newer.of === result ? newer.answer : null;
}
