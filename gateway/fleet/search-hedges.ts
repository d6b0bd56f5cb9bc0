// Gives the text of a search to a second runner when the first one does not answer soon: the first
// good answer wins, and the other runner is not blamed.

import type { Fleet } from '#core/fleet/fleet.ts';
import type { TaskResult } from '#core/fleet/task-result.ts';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';

export type SearchHedgesOptions = {
  readonly fleet: Pick<Fleet, 'hedge' | 'has' | 'cancel'>;
  readonly clock: Clock;
  /** `searchHedgeMs`: how long the first runner has. Read at every use. */
  readonly limits: { readonly searchHedgeMs: number };
  /** Called when a second runner may be assigned. */
  readonly onHedge: () => void;
};

/** A search that the fleet has: the id of its copy, once a second runner gets it. */
type Hedge = { copy: string | null; readonly over: AbortController };

export class SearchHedges {
  readonly #options: SearchHedgesOptions;
  /** Hedges by task id. */
  readonly #hedges = new Map<string, Hedge>();
  readonly #originals = new Map<string, string>();

  constructor(options: SearchHedgesOptions) {
    this.#options = options;
  }

  /** The fleet has got this search. */
  async watch(id: string): Promise<void> {
    const { fleet, clock, limits, onHedge } = this.#options;
    const hedge: Hedge = { copy: null, over: new AbortController() };
    this.#hedges.set(id, hedge);
    const copy = `${id}-again`;
    while (await rest(clock, limits.searchHedgeMs, hedge.over.signal)) {
      if (!fleet.hedge(id, copy)) continue;
      hedge.copy = copy;
      this.#originals.set(copy, id);
      return onHedge();
    }
  }

  /**
   * The id of the search that has ended with this result; `null` while its other runner may still
   * succeed.
   */
  ended({ id, ok }: TaskResult): string | null {
    const original = this.#originals.get(id) ?? id;
    const hedge = this.#hedges.get(original);
    if (hedge === undefined) return original;
    const other = id === original ? hedge.copy : original;
    if (!ok && other !== null && this.#options.fleet.has(other)) return null;
    this.drop(original);
    return original;
  }

  /** Nobody waits for this search any more. */
  drop(id: string): void {
    const hedge = this.#hedges.get(id);
    if (hedge === undefined) return;
    this.#hedges.delete(id);
    hedge.over.abort();
    this.#options.fleet.cancel(id);
    if (hedge.copy === null) return;
    this.#originals.delete(hedge.copy);
    this.#options.fleet.cancel(hedge.copy);
  }
}
