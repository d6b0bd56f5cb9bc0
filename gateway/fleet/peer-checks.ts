// Compares samples of work among runners of different owners, where no runner is trusted. This is
// weaker: it believes the majority.

import type { Clock } from '#core/ports.ts';
import { startDeadline } from '#core/time/deadline.ts';
import { outvoted, type CrossCheckResult, type Vote } from '#core/trust/agreement.ts';
import type { GoldenBounds } from '#core/trust/golden.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import { cosine } from '#core/vectors/vector.ts';
import { createTroubleRow } from '../telemetry/trouble-log.ts';
import type { EmbeddingQueue } from './embedding-queue.ts';
import type { HubLog, LastCheck } from './hub-types.ts';

export type PeerChecksOptions = {
  readonly queue: Pick<EmbeddingQueue, 'embed'>;
  /** By dtype. */
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly clock: Clock;
  /** How long a sample may wait for one owner's runners. Read at every use. */
  readonly limits: { readonly checkIntervalMs: number };
  /** Uniform in [0, 1), and unpredictable for a runner. */
  readonly random: () => number;
  /** Owners of runners that are ready. */
  readonly owners: () => ReadonlySet<string>;
  readonly log: Pick<HubLog, 'warn'>;
  readonly onResult: (result: CrossCheckResult) => void;
};

/** Those who are outvoted; `check`: `null` when nobody has answered. */
export type PeerVerdict = { readonly wrong: readonly Vote[]; readonly check: LastCheck | null };

type NamedVote = Vote & { readonly name: string };

/** Owners that vote at most, with the one whose work it is. */
const votersMax = 5;
/** Samples that wait at once; further ones are dropped. */
const waitingMax = 256;

export class PeerChecks {
  readonly #options: PeerChecksOptions;
  readonly #isFirst: (code: CrossCheckResult) => boolean;
  /** Requests that wait for a runner of this owner, each with a way to end it. */
  readonly #asked = new Map<AbortController, string>();
  #waiting = 0;

  constructor(options: PeerChecksOptions) {
    this.#options = options;
    this.#isFirst = createTroubleRow(options.clock);
  }

  /**
   * Asks owners that are drawn by lot, so that fast runners cannot push themselves forward. `null`
   * when nobody else can be asked.
   */
  async compare(
    { text, vector }: AnsweredText,
    voter: Omit<Vote, 'vector'>,
  ): Promise<PeerVerdict | null> {
    const { bounds, random, owners, onResult, log } = this.#options;
    const others = [...owners()].filter((owner) => owner !== voter.owner);
    if (this.#waiting >= waitingMax || others.length === 0) return null;
    this.#waiting += 1;
    const drawn = drawnFrom(others, votersMax - 1, random);
    const own = { ...voter, vector };
    const asked: NamedVote[] = [];
    let said: ReturnType<typeof outvoted> = 'agreed';
    for (const owner of drawn) {
      const vote = await this.#ask(text, owner);
      if (vote === null) continue;
      asked.push(vote);
      said = outvoted([own, ...asked], 1 + drawn.length, bounds);
      if (said === 'agreed') break;
    }
    this.#waiting -= 1;
    const result = typeof said === 'string' ? said : 'differed';
    onResult(asked.length === 0 ? 'dropped' : result);
    if (result === 'disputed' && this.#isFirst(result))
      log.warn(
        { runner_ids: [own, ...asked].map(({ runnerSession }) => runnerSession) },
        'runners disagree on the vector of a text, and no trusted runner can decide',
      );
    return {
      wrong: typeof said === 'string' ? [] : said,
      check: asked.length === 0 ? null : this.#checkOf(vector, asked, result),
    };
  }

  #checkOf(
    vector: Float32Array,
    asked: readonly NamedVote[],
    result: LastCheck['result'],
  ): LastCheck {
    return {
      at: this.#options.clock.now(),
      by: asked.map(({ name }) => name),
      result,
      cosine: Math.min(...asked.map((vote) => cosine(vector, vote.vector))),
    };
  }

  /** A runner has left: nobody may be there any more who could answer. */
  left(): void {
    const owners = this.#options.owners();
    for (const [over, owner] of this.#asked) if (!owners.has(owner)) over.abort();
  }

  /** `null`: no runner of this owner answered in time. */
  async #ask(text: string, owner: string): Promise<NamedVote | null> {
    const { queue, owners, limits, clock } = this.#options;
    if (!owners().has(owner)) return null;
    using deadline = startDeadline({
      ms: limits.checkIntervalMs,
      clock,
      reason: () => new Error('no runner of this owner answered in time'),
    });
    const over = new AbortController();
    this.#asked.set(over, owner);
    try {
      const signal = AbortSignal.any([deadline.signal, over.signal]);
      const result = await queue.embed(text, { priority: 'peer-check', signal, onlyFor: owner });
      if (!result.ok) return null;
      const { vector, provenance } = result.embedding;
      const { runnerSession, runnerName: name, dtype } = provenance;
      return { runnerSession, name, owner, dtype, vector };
    } catch {
      return null;
    } finally {
      this.#asked.delete(over);
    }
  }
}

/** Up to `count` of the items, each with the same probability, in random order. */
function drawnFrom<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ item }) => item);
}
