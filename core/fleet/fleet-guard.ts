// Says whether trusted runners guard the fleet, and which runners they believe.

import type { Runner } from './fleet-runner.ts';

/** Share of a trusted runner's time that checks of newcomers may take while other work waits. */
export const firstCheckShareMax = 0.2;
/** Texts of newcomers' jobs in work that will be checked, at least. */
const newcomerChecksMin = 2;

export type FleetGuardOptions = {
  readonly runners: ReadonlyMap<string, Runner>;
  readonly expectsTrusted: boolean;
  /** See `FleetOptions`. */
  readonly options: { readonly checkIntervalMs: number };
};

/**
 * A fleet is guarded while a trusted runner serves, or is away for a short time. It then gives
 * newcomers little work, and uses none of it unchecked. All times are monotonic ms.
 */
export class FleetGuard {
  readonly #options: FleetGuardOptions;
  #seenAt: number | null = null;

  constructor(options: FleetGuardOptions) {
    this.#options = options;
  }

  isGuarded(now: number): boolean {
    const {
      expectsTrusted,
      options: { checkIntervalMs },
    } = this.#options;
    if (this.#trusted().length > 0) this.#seenAt = now;
    else if (this.#seenAt === null && expectsTrusted) this.#seenAt = now;
    return this.#seenAt !== null && now - this.#seenAt <= checkIntervalMs;
  }

  /** The runner must prove itself before its work is used unchecked. */
  isNewcomer({ trusted, probation }: Runner, now: number): boolean {
    return !trusted && !probation.isProven && this.isGuarded(now);
  }

  /** It is proven beside a trusted runner, but still gets little work at a time. */
  isJustProven({ trusted, probation }: Runner, now: number): boolean {
    return !trusted && probation.isJustProven && this.isGuarded(now);
  }

  /**
   * How many more texts of newcomers trusted runners can check within about a second: the events of
   * their jobs wait so long.
   */
  checksLeft(): number {
    const checks = [...this.#options.runners.values()]
      .filter(({ trusted, probation }) => !trusted && !probation.isProven)
      .flatMap(({ probation, jobs }) =>
        jobs.map(({ group }) => probation.checksOf(group?.tasks.length ?? 0)),
      );
    const inWork = checks.reduce((sum, texts) => sum + texts, 0);
    const perSecond = this.#trusted().reduce((sum, { pace }) => sum + pace.textsPerSecond, 0);
    return Math.max(newcomerChecksMin, Math.floor(perSecond * firstCheckShareMax)) - inWork;
  }

  /**
   * Whether another runner must do work that needs a believed one: for `trusted`, a trusted runner
   * where one serves; for `proven`, also a proven one. Where none serves, any runner may, unless
   * the fleet waits for a trusted one.
   */
  mustLeave(runner: Runner, needs: 'trusted' | 'proven', now: number): boolean {
    const isBelieved = ({ trusted, probation }: Runner): boolean =>
      trusted || (needs === 'proven' && probation.isProven);
    if (isBelieved(runner)) return false;
    return this.isGuarded(now) || [...this.#serving()].some(isBelieved);
  }

  #trusted(): readonly Runner[] {
    return this.#serving().filter(({ trusted }) => trusted);
  }

  #serving(): readonly Runner[] {
    return [...this.#options.runners.values()].filter(({ state }) => state === 'serving');
  }
}
