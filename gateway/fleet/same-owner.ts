// What follows for the other work of an owner when one of its runners is wrong: earlier sessions
// are embedded again, and other runners with its join token are in probation again. Without this, a
// runner that is rarely wrong could leave before it is found, and begin again.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type { HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import { subjectOf, type RunnerIdentity } from './runner-identity.ts';

const endedMax = 10_000;

export class SameOwner {
  readonly #state: HubState;
  /** Sessions that ended believed, and the owner of each. */
  readonly #ended = new BoundedMap<string, string>(() => endedMax);

  constructor(state: HubState) {
    this.#state = state;
  }

  /** The session is over, and its work has passed all checks. */
  ended({ session, identity, textsEmbedded }: HubConnection): void {
    const owner = this.#ownerOf(identity);
    if (owner !== null && textsEmbedded > 0) this.#ended.set(session.id, owner);
  }

  /** A runner of this owner is wrong. */
  distrust(identity: RunnerIdentity): void {
    const owner = this.#ownerOf(identity);
    for (const [session, its] of this.#ended) {
      if (its !== owner) continue;
      this.#ended.delete(session);
      void this.#reEmbed(session);
    }
    if (identity.token === null) return;
    const { connections, fleet } = this.#state;
    for (const { session, identity: other } of connections.values())
      if (other.token?.id === identity.token.id) fleet.proving.fallBack(session.id);
  }

  /** Marks all work of the session as unverified again, and has it embedded again in place. */
  async #reEmbed(session: string): Promise<void> {
    const { options, signal } = this.#state;
    try {
      await options.provenanceLog.begin(session, 0, signal);
      options.provenanceLog.reEmbed(session, 0, true);
    } catch {
      // The hub closes before the store has taken the mark.
    }
  }

  #ownerOf(identity: RunnerIdentity): string | null {
    const subject = subjectOf(identity, this.#state.options.addressMark);
    return subject && `${subject.by} ${subject.id}`;
  }
}
