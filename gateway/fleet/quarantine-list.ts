// Who was found wrong here, kept away and still shown for a while.

import type { Clock } from '#core/ports.ts';
import { QuarantineBackoff } from '#core/trust/quarantine-backoff.ts';
import type { RunnerView } from './hub-types.ts';
import type { Identity } from './runner-identity.ts';

const viewsMax = 100;
/** However short or long it is kept away. */
const viewMs = { min: 600_000, max: 3_600_000 };

export class QuarantineList {
  readonly #clock: Clock;
  readonly #book = new QuarantineBackoff();
  readonly #views = new Map<string, { readonly view: RunnerView; readonly shownUntil: number }>();
  count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why this runner may not join now; `null`: it may. */
  refusal(identity: Identity, name: string): string | null {
    const now = this.#clock.now();
    const key = keyOf(identity, name);
    const entry = key === null ? null : this.#book.find(key, now);
    return entry === null
      ? null
      : `quarantined for ${Math.ceil((entry.until - now) / 1000)} s more (time ${entry.times}): ${entry.reason}`;
  }

  add(identity: Identity, view: RunnerView, reason: string): void {
    const now = this.#clock.now();
    const key = keyOf(identity, view.name);
    const until = key === null ? now : this.#book.add(key, reason, now).until;
    this.count += 1;
    const shownUntil = Math.max(now + viewMs.min, Math.min(until, now + viewMs.max));
    this.#views.set(view.id, {
      view: { ...view, state: 'quarantined', jobsInWork: 0, quarantine: { reason, until } },
      shownUntil,
    });
    const oldest = this.#views.keys().next();
    if (this.#views.size > viewsMax && !oldest.done) this.#views.delete(oldest.value);
  }

  views(): readonly RunnerView[] {
    const now = this.#clock.now();
    for (const [id, { shownUntil }] of this.#views) if (shownUntil <= now) this.#views.delete(id);
    return [...this.#views.values()].map(({ view }) => view);
  }
}

function keyOf({ trusted, token, address }: Identity, name: string): string | null {
  if (trusted) return null;
  return token === null ? `${address} ${name}` : `token ${token.id}`;
}
