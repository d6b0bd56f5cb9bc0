// Puts wrong runners into quarantine: withholds what they embedded, refuses them until their time
// is over, and keeps showing them for a while. It follows what a runner cannot choose: its own
// token, or the address of one with the shared token. An address slows only newcomers.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { RunnerBlock } from '#core/ports.ts';
import { deviceOf, viewOf, type HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import type { RunnerView } from './hub-types.ts';
import { subjectOf, type RunnerIdentity } from './runner-identity.ts';

const viewsMax = 100;
/** A runner is shown for as long as its quarantine, but within these bounds. */
const viewMs = { min: 600_000, max: 3_600_000 };

export class QuarantineList {
  readonly #state: HubState;
  readonly #views = new BoundedMap<
    string,
    { readonly view: RunnerView; readonly shownUntil: number }
  >(() => viewsMax);
  /** Quarantines since the start. */
  count = 0;

  constructor(state: HubState) {
    this.#state = state;
  }

  /** Why this runner may not join now; `null`: it may. */
  refusal(identity: RunnerIdentity): string | null {
    const subject = this.#subjectOf(identity);
    if (subject === null) return null;
    return (
      this.refusalOf(identity) ??
      (this.#state.options.blocks.wasWrong(subject) && this.#hasNewcomer(subject)
        ? 'quarantined until the runner that is being checked is proven: a runner with this ' +
          'token or from this address was wrong'
        : null)
    );
  }

  /** Describes this runner's quarantine in words; `null` when it has none. */
  refusalOf(identity: RunnerIdentity): string | null {
    const subject = this.#subjectOf(identity);
    const block = subject === null ? null : this.#state.options.blocks.quarantineOf(subject);
    if (block === null) return null;
    const seconds = Math.ceil((block.until - this.#now) / 1000);
    return `quarantined for ${seconds} s more (time ${block.times}): ${block.reason}`;
  }

  /** The runner held work up: it and others like it may join again only after a while. */
  slow(identity: RunnerIdentity, reason: string): void {
    this.#refuse(identity, reason);
  }

  add(identity: RunnerIdentity, view: RunnerView, reason: string): void {
    const now = this.#now;
    const until = this.#refuse(identity, reason);
    this.count += 1;
    const shownUntil = Math.max(now + viewMs.min, Math.min(until, now + viewMs.max));
    this.#views.set(view.id, {
      view: { ...view, state: 'quarantined', jobsInWork: 0, quarantine: { reason, until } },
      shownUntil,
    });
  }

  views(): readonly RunnerView[] {
    const now = this.#now;
    for (const [id, { shownUntil }] of this.#views) if (shownUntil <= now) this.#views.delete(id);
    return [...this.#views.values()].map(({ view }) => view);
  }

  get #now(): number {
    return this.#state.options.clock.now();
  }

  /** UTC ms until which it is refused. */
  #refuse(identity: RunnerIdentity, reason: string): number {
    const subject = this.#subjectOf(identity);
    const { blocks } = this.#state.options;
    return subject === null ? this.#now : blocks.quarantine(subject, reason).until;
  }

  /** A runner of this subject is connected, and not proven. */
  #hasNewcomer({ by, id }: RunnerBlock['subject']): boolean {
    const { connections, fleet, options } = this.#state;
    if (!fleet.proving.isGuarded(options.clock.monotonic())) return false;
    return [...connections.values()].some(({ session, identity }) => {
      const subject = this.#subjectOf(identity);
      return (
        subject?.by === by &&
        subject.id === id &&
        session.hello !== null &&
        !fleet.proving.probation(session.id).isProven
      );
    });
  }

  #subjectOf(identity: RunnerIdentity): RunnerBlock['subject'] | null {
    return subjectOf(identity, this.#state.options.addressMark);
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
  const { session, identity, checks, verifiedUntil, lastCheck } = connection;
  const { observer, provenanceLog, log, clock } = options;
  const view = viewOf(connection, fleet, clock.monotonic());
  if (view !== null) list.add(identity, view, reason);
  if (checks !== null) provenanceLog.distrust(session.id, verifiedUntil);
  observer.quarantined(deviceOf(session), session.id);
  log.error(
    {
      runner_id: session.id,
      runner: session.hello?.name,
      join_token: identity.token?.id,
      good_until: verifiedUntil,
      last_checked_by: lastCheck?.by,
      reason,
    },
    'runner quarantined',
  );
}
