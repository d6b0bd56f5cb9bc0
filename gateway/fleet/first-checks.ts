// Has trusted runners embed texts of a newcomer's answer again before any of the answer is used.

import { answeredTexts, type Job } from '#core/fleet/fleet-job.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import type { CheckVerdict } from './cross-checks.ts';
import type { HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';

export class FirstChecks {
  readonly #state: HubState;
  readonly #compare: (connection: HubConnection, text: AnsweredText) => Promise<CheckVerdict>;

  /** `compare` compares one vector with a trusted runner's. */
  constructor(
    state: HubState,
    compare: (connection: HubConnection, text: AnsweredText) => Promise<CheckVerdict>,
  ) {
    this.#state = state;
    this.#compare = compare;
  }

  /**
   * The texts are chosen now, so that the runner could not know them. `right`: all of them are, and
   * the answer may be used; the runner is nearer to being proven. `null`: it has no vector.
   */
  async check(
    connection: HubConnection,
    job: Job,
    outcomes: readonly EmbedOutcome[],
  ): Promise<CheckVerdict | null> {
    const {
      fleet: { proving },
      options: { clock, random },
    } = this.#state;
    const { id } = connection.session;
    const answered = answeredTexts(job, outcomes);
    const chosen = drawn(answered, proving.probation(id).checksOf(answered.length), random);
    const verdicts = await Promise.all(chosen.map((text) => this.#compare(connection, text)));
    const verdict =
      verdicts.find(({ is }) => is === 'wrong') ??
      verdicts.find(({ is }) => is === 'unknown') ??
      verdicts[0];
    if (verdict?.is === 'right' && !connection.ended.signal.aborted) {
      proving.agreed(id, job, chosen.length);
      connection.unprovenAt = proving.probation(id).isProven ? null : clock.monotonic();
    }
    return verdict ?? null;
  }
}

/** `count` of the items, each with the same probability. */
function drawn<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  const left = [...items];
  return Array.from({ length: count }, () =>
    left.splice(Math.floor(random() * left.length), 1),
  ).flat();
}
