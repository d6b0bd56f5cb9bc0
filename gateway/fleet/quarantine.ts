// Puts wrong runners into quarantine: withholds what they embedded, refuses them until their time
// is over, and keeps showing them for a while.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { Clock } from '#core/ports.ts';
import { QuarantineBackoff } from '#core/trust/quarantine-backoff.ts';
import { deviceOf, viewOf, type HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import type { RunnerView } from './hub-types.ts';
import type { RunnerIdentity } from './runner-identity.ts';

const viewsMax = 100;
/** A runner is shown for as long as its quarantine, but within these bounds. */
const viewMs = { min: 600_000, max: 3_600_000 };

export class QuarantineList {
  readonly #clock: Clock;
  readonly #backoff = new QuarantineBackoff();
  readonly #views = new BoundedMap<
    string,
    { readonly view: RunnerView; readonly shownUntil: number }
  >(() => viewsMax);
  /** Quarantines since the start. */
  count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why this runner may not join now; `null`: it may. */
  refusal(identity: RunnerIdentity, name: string): string | null {
    const now = this.#clock.now();
    const key = keyOf(identity, name);
    const entry = key === null ? null : this.#backoff.find(key, now);
    if (entry === null) return null;
    const seconds = Math.ceil((entry.until - now) / 1000);
    return `quarantined for ${seconds} s more (time ${entry.times}): ${entry.reason}`;
  }

  add(identity: RunnerIdentity, view: RunnerView, reason: string): void {
    const now = this.#clock.now();
    const key = keyOf(identity, view.name);
    const until = key === null ? now : this.#backoff.add(key, reason, now).until;
    this.count += 1;
    const shownUntil = Math.max(now + viewMs.min, Math.min(until, now + viewMs.max));
    this.#views.set(view.id, {
      view: { ...view, state: 'quarantined', jobsInWork: 0, quarantine: { reason, until } },
      shownUntil,
    });
  }

  views(): readonly RunnerView[] {
    const now = this.#clock.now();
    for (const [id, { shownUntil }] of this.#views) if (shownUntil <= now) this.#views.delete(id);
    return [...this.#views.values()].map(({ view }) => view);
  }
}

/**
 * A runner was found wrong: its vectors since the last passed check are withheld, it is refused for
 * a while, and log and API report it.
 */
export function quarantine(
  connection: HubConnection,
  reason: string,
  { options, fleet }: HubState,
  list: QuarantineList,
): void {
  const { session, identity, checks, verifiedUntil } = connection;
  const { observer, provenanceLog, log } = options;
  const view = viewOf(connection, fleet);
  if (view !== null) list.add(identity, view, reason);
  if (checks !== null) provenanceLog.distrust(session.id, verifiedUntil);
  observer.quarantined(deviceOf(session));
  log.error(
    {
      runner_id: session.id,
      runner: session.hello?.name,
      join_token: identity.token?.id,
      good_until: verifiedUntil,
      reason,
    },
    'runner quarantined: its vectors are wrong',
  );
}

/** `null`: a trusted runner, which is never refused. */
function keyOf({ trusted, token, address }: RunnerIdentity, name: string): string | null {
  if (trusted) return null;
  return token === null ? `${address} ${name}` : `token ${token.id}`;
}
