// Compares samples of work among runners of different owners, where no runner is trusted. This is
// weaker: it believes the majority.

import { startDeadline } from '#core/time/deadline.ts';
import { outvoted, type Vote } from '#core/trust/agreement.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import type { HubState } from './hub-state.ts';
import { ownerOf } from './runner-identity.ts';

/** Owners that are asked at most, with the one whose work it is. */
const votersMax = 5;
/** Samples that wait at once; further ones are dropped. */
const waitingMax = 256;

export class PeerChecks {
  readonly #state: HubState;
  /** Requests that wait for a runner of another owner, each with a way to end it. */
  readonly #asked = new Map<AbortController, readonly Vote[]>();
  #waiting = 0;

  constructor(state: HubState) {
    this.#state = state;
  }

  /** Owners of runners that are ready. */
  owners(): ReadonlySet<string> {
    const ready = [...this.#state.connections.values()].filter(
      ({ session }) => session.state === 'ready',
    );
    return new Set(ready.map(({ identity }) => ownerOf(identity)));
  }

  /** Returns those who are outvoted; `null` when nobody else can be asked. */
  async compare(
    { text, vector }: AnsweredText,
    voter: Omit<Vote, 'vector'>,
  ): Promise<readonly Vote[] | null> {
    const { bounds, observer, log } = this.#state.options;
    if (this.#waiting >= waitingMax || !this.#hasOther([voter])) return null;
    this.#waiting += 1;
    const votes: Vote[] = [{ ...voter, vector }];
    let said: ReturnType<typeof outvoted> = 'agreed';
    while (votes.length < votersMax) {
      const next = await this.#ask(text, votes);
      if (next === null) break;
      votes.push(next);
      said = outvoted(votes, bounds);
      if (said === 'agreed') break;
    }
    this.#waiting -= 1;
    const result = typeof said === 'string' ? said : 'differed';
    observer.crossCheck(votes.length === 1 ? 'dropped' : result);
    if (result === 'disputed')
      log.warn(
        { runner_ids: votes.map(({ runnerSession }) => runnerSession) },
        'runners disagree on the vector of a text, and no trusted runner can decide',
      );
    return typeof said === 'string' ? [] : said;
  }

  /** A runner has left: nobody may be there any more who could answer. */
  left(): void {
    for (const [over, votes] of this.#asked) if (!this.#hasOther(votes)) over.abort();
  }

  #hasOther(votes: readonly Pick<Vote, 'owner'>[]): boolean {
    return [...this.owners()].some((owner) => votes.every((vote) => vote.owner !== owner));
  }

  /** `null`: no runner of another owner answered in time. */
  async #ask(text: string, votes: readonly Vote[]): Promise<Vote | null> {
    const { queue, connections, options } = this.#state;
    if (!this.#hasOther(votes)) return null;
    using deadline = startDeadline({
      ms: options.limits.checkIntervalMs,
      clock: options.clock,
      reason: () => new Error('no runner of another owner answered in time'),
    });
    const over = new AbortController();
    this.#asked.set(over, votes);
    try {
      const signal = AbortSignal.any([deadline.signal, over.signal]);
      const notFor = new Set(votes.map(({ owner }) => owner));
      const result = await queue.embed(text, { priority: 'peer-check', signal, notFor });
      if (!result.ok) return null;
      const { vector, provenance } = result.embedding;
      const { runnerSession, dtype } = provenance;
      const connection = connections.get(runnerSession);
      if (connection === undefined) return null;
      return { runnerSession, dtype, vector, owner: ownerOf(connection.identity) };
    } catch {
      return null;
    } finally {
      this.#asked.delete(over);
    }
  }
}
