// Says whether this gateway can do its work, and if not, which part keeps it from it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Services } from './services.ts';

export type Cause = { readonly component: 'source' | 'store' | 'runners'; readonly message: string };

const storeAnswerMsMax = 1000;
/** An id that no event has: the cheapest question that a store can only answer when it works. */
const nobody = '00000000-0000-0000-0000-000000000000';

/** Everything that stands between an event and its being searchable; empty when ready. */
export async function causesOfUnreadiness(services: Services): Promise<readonly Cause[]> {
  const causes: Cause[] = [];
  const source = services.source.health();
  if (source !== null) causes.push({ component: 'source', message: source });
  const store = await storeCheck(services);
  if (store.message !== null) causes.push({ component: 'store', message: store.message });
  const runners = services.runners();
  if (!runners.some(({ state }) => state === 'ready')) {
    const message = runners.length === 0 ? 'no runner is connected' : `none of ${runners.length} connected runners is ready yet`;
    causes.push({ component: 'runners', message });
  }
  return causes;
}

/** `message` is `null` when the store answered in time. */
export async function storeCheck({ store, clock }: Services): Promise<{ readonly message: string | null; readonly latencyMs: number }> {
  const startedAt = clock.monotonic();
  const timer = new AbortController();
  const late = sleep(storeAnswerMsMax, `${store.kind} gave no answer within ${storeAnswerMsMax} ms`, { signal: timer.signal, ref: false }).catch(() => null);
  const answered = store.event(nobody).then(() => null, (error: unknown) => (error instanceof Error ? error.message : String(error)));
  const message = await Promise.race([answered, late]);
  timer.abort();
  return { message, latencyMs: Math.round((clock.monotonic() - startedAt) * 100) / 100 };
}
