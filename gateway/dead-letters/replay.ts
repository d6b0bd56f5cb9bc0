// Puts dead letters back into the source: at least once, never more of them than asked, and written
// down with who did it.
//
// First the record, then the letter's status: after a crash in between the letter is open still.
// Put back again, it is a second copy of the same event, which the store recognises by its id.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { DependencyError, VectorStreamError } from '#core/errors/errors.ts';
import type {
  Clock,
  DeadLetterEntry,
  DeadLetterCursor,
  DeadLetters,
  EventSink,
  LogRecord,
  Position,
} from '#core/ports.ts';
import { planReplay, type Refusal, type ReplayRules, type ReplayOptions } from './replay-plan.ts';

export type DeadLetterFilter = Omit<Parameters<DeadLetters['list']>[0], 'limit' | 'valueBytesMax'>;
export type ReplayOutcome = { readonly id: string } & (
  | { readonly position: Position }
  | { readonly refusal: Refusal }
);

export type BatchReplayOptions = {
  readonly force: boolean;
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean;
  /** Letters looked at, 1…1000. */
  readonly limit: number;
  /** Letters per second; `null` for as fast as it goes. */
  readonly perSecond: number | null;
  readonly by: string;
  /** Ends it after the letters in hand. */
  readonly signal: AbortSignal;
};

export type BatchReport = {
  /** One per letter looked at, in order; of a dry run those that would go have no position. */
  readonly outcomes: readonly (ReplayOutcome | { readonly id: string })[];
  /** Where to go on; `null` when nothing is left. */
  readonly next: DeadLetterCursor | null;
  /** Why it ended before its limit, when something failed. */
  readonly trouble: string | null;
};

export type Replayer = {
  /** `null`: there is no such letter. Throws `DependencyError` or `LogFullError`. */
  one(
    id: string,
    wish: Pick<ReplayOptions, 'payload' | 'force'> & { readonly by: string },
  ): Promise<ReplayOutcome | null>;
  /**
   * Newest first; within `batchMsMax`. Throws `DependencyError` or `LogFullError` when nothing
   * could be done.
   */
  batch(filter: DeadLetterFilter, wish: BatchReplayOptions): Promise<BatchReport>;
};

export type ReplayerOptions = {
  readonly deadLetters: DeadLetters;
  readonly sink: EventSink;
  readonly clock: Clock;
  readonly rules: ReplayRules;
  /** Told of everything that was put back, at once. */
  readonly observer: {
    replayed(ids: readonly string[], by: string): void;
    refused(count: number): void;
  };
};

/** An HTTP client and the proxies before it wait so long. */
export const batchMsMax = 20_000;
/** Letters whose values are in memory together, at most. */
const pageDeadLetterRows = 100;
const portionBytes = 4 * 1024 * 1024;

export function createReplayer({
  deadLetters,
  sink,
  clock,
  rules,
  observer,
}: ReplayerOptions): Replayer {
  /** Nobody else of this gateway may put these back at the same time. */
  const inWork = new Set<string>();

  /**
   * Records that the source refuses for good are told apart, so that they do not hold up the
   * others.
   */
  const append = async (
    records: readonly LogRecord[],
  ): Promise<readonly (Position | Refusal)[]> => {
    try {
      return await sink.append(records);
    } catch (error) {
      if (!(error instanceof DependencyError) || error.retryable) throw error;
      if (records.length === 1) return [{ code: 'refused_by_source', detail: error.message }];
      const each: (Position | Refusal)[] = [];
      for (const record of records) each.push(...(await append([record])));
      return each;
    }
  };

  const write = async (
    planned: readonly { readonly letter: DeadLetterEntry; readonly record: LogRecord }[],
    by: string,
  ): Promise<readonly ReplayOutcome[]> => {
    if (planned.length === 0) return [];
    const answers = await append(planned.map(({ record }) => record));
    const at = clock.now();
    const outcomes = planned.map(({ letter: { id } }, index): ReplayOutcome => {
      const answer = answers[index] ?? {
        code: 'refused_by_source',
        detail: 'The source did not say where it is.',
      };
      return 'code' in answer ? { id, refusal: answer } : { id, position: answer };
    });
    const changes = outcomes.flatMap((outcome, index) => {
      const letter = planned[index]?.letter;
      if (letter === undefined || !('position' in outcome)) return [];
      return [
        {
          id: letter.id,
          status: {
            state: 'replayed',
            replays: letter.replays + 1,
            replay: { at, by, position: outcome.position },
            purge: letter.purge,
          } as const,
        },
      ];
    });
    await deadLetters.setStatus(changes).catch((error: unknown) => {
      if (!(error instanceof DependencyError)) throw error;
      const message = `${changes.length} letters were put back, and that could not be written down: they still count as open. Putting them back again does no harm. ${error.message}`;
      throw new DependencyError(error.dependency, error.code, message, {
        retryable: true,
        cause: error,
      });
    });
    return outcomes;
  };

  /** In order; unknown ids are left out. */
  const replay = async (
    ids: readonly string[],
    wish: Omit<ReplayOptions, 'now'> & { readonly by: string; readonly dryRun: boolean },
  ): Promise<BatchReport['outcomes']> => {
    const free = ids.filter((id) => !inWork.has(id));
    for (const id of free) inWork.add(id);
    try {
      const outcomes = new Map<string, ReplayOutcome | { readonly id: string }>();
      const planned: { readonly letter: DeadLetterEntry; readonly record: LogRecord }[] = [];
      for (const id of ids) {
        if (!free.includes(id)) {
          outcomes.set(id, {
            id,
            refusal: { code: 'being_replayed', detail: 'It is being put back at this moment.' },
          });
          continue;
        }
        const letter = await deadLetters.get(id);
        if (letter === null) continue;
        const plan = planReplay(letter, { ...wish, now: clock.now() }, rules);
        outcomes.set(id, 'refusal' in plan ? { id, refusal: plan.refusal } : { id });
        if ('record' in plan) planned.push({ letter, record: plan.record });
      }
      if (!wish.dryRun)
        for (const outcome of await write(planned, wish.by)) outcomes.set(outcome.id, outcome);
      const done = [...outcomes.values()];
      const replayed = done.flatMap((outcome) => ('position' in outcome ? [outcome.id] : []));
      if (replayed.length > 0) observer.replayed(replayed, wish.by);
      if (!wish.dryRun) observer.refused(done.filter((outcome) => 'refusal' in outcome).length);
      return done;
    } finally {
      for (const id of free) inWork.delete(id);
    }
  };

  return {
    async one(id, { payload, force, by }) {
      const [outcome] = await replay([id], { payload, force, by, dryRun: false });
      return outcome !== undefined && ('position' in outcome || 'refusal' in outcome)
        ? outcome
        : null;
    },

    async batch(filter, { force, dryRun, limit, perSecond, by, signal }) {
      const startedAt = clock.monotonic();
      const outcomes: (ReplayOutcome | { readonly id: string })[] = [];
      let place = filter.after;
      let trouble: string | null = null;
      while (
        trouble === null &&
        outcomes.length < limit &&
        !signal.aborted &&
        clock.monotonic() - startedAt < batchMsMax
      ) {
        const portion = Math.min(
          limit - outcomes.length,
          perSecond === null
            ? pageDeadLetterRows
            : Math.min(pageDeadLetterRows, Math.ceil(perSecond)),
        );
        try {
          const found = await deadLetters.list({
            ...filter,
            ...(place !== undefined && { after: place }),
            limit: portion,
            valueBytesMax: 0,
          });
          const heads = fitting(found);
          outcomes.push(
            ...(await replay(
              heads.map(({ id }) => id),
              { payload: null, force, by, dryRun },
            )),
          );
          const last = heads.at(-1);
          if (last === undefined || (heads.length === found.length && found.length < portion))
            return { outcomes, next: null, trouble };
          place = { failedAt: last.failedAt, id: last.id };
        } catch (error) {
          if (outcomes.length === 0 || !(error instanceof VectorStreamError)) throw error;
          trouble = error.message;
        }
        if (perSecond !== null && !dryRun)
          await clock
            .sleep(
              Math.max(0, startedAt + (outcomes.length / perSecond) * 1000 - clock.monotonic()),
              signal,
            )
            .catch(() => undefined);
        await nextTurn();
      }
      return { outcomes, next: place ?? null, trouble };
    },
  };
}

/** As many as have room together; one always has. */
function fitting(heads: readonly DeadLetterEntry[]): readonly DeadLetterEntry[] {
  let bytes = 0;
  return heads.filter(
    ({ valueBytes }, index) => (bytes += valueBytes) <= portionBytes || index === 0,
  );
}
