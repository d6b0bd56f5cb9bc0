// Replays dead letters: appends their records to the source again, at least once and never more of
// them than requested, and records who did it.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { schemaOf, type SchemaRegistry } from '#core/decode/record-schema.ts';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { EventTransform } from '#core/mapping/event-transform.ts';
import type {
  Clock,
  DeadLetterCursor,
  DeadLetterEntry,
  DeadLetterQuery,
  DeadLetters,
} from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { planReplay, type ReplayOptions, type ReplayRules } from './replay-plan.ts';
import {
  type PlannedReplay,
  type ReplayOutcome,
  type ReplayWriterParts,
  writeReplays,
} from './replay-writer.ts';

export type DeadLetterFilter = Omit<DeadLetterQuery, 'limit' | 'valueBytesMax'>;

type BatchReplayOptions = {
  /** Corrects each dead letter; `null` replays them unchanged. */
  readonly transform: EventTransform | null;
  readonly force: boolean;
  /** Reports what would be done, and does nothing. */
  readonly dryRun: boolean;
  /** Dead letters that are examined, 1…1000. */
  readonly limit: number;
  /** Dead letters per second; `null` for no limit. */
  readonly perSecond: number | null;
  readonly by: string;
  /** Ends the batch after the dead letters in progress. */
  readonly signal: AbortSignal;
};

/** What a rule makes of a dead letter. */
type Change = { readonly before: Uint8Array; readonly after: Uint8Array };
/**
 * In a dry run, a dead letter that would be replayed has no position; the first have the change
 * that the rule makes.
 */
type BatchOutcome = ReplayOutcome | { readonly id: string; readonly change?: Change };

type BatchReport = {
  /** One per examined dead letter, in order. */
  readonly outcomes: readonly BatchOutcome[];
  /** Where to continue; `null` when every matching dead letter was examined. */
  readonly next: DeadLetterCursor | null;
  /** The error that ended the batch early; `null` when there was none. */
  readonly trouble: string | null;
};

type Replayer = {
  /**
   * `null` when there is no dead letter with this id.
   *
   * @throws DependencyError or LogFullError
   */
  one(
    id: string,
    options: Pick<ReplayOptions, 'payload' | 'force'> & { readonly by: string },
  ): Promise<ReplayOutcome | null>;
  /**
   * Newest first. Begins no further page once `batchMsMax` has passed.
   *
   * @throws DependencyError or LogFullError when nothing was done before the error
   */
  batch(filter: DeadLetterFilter, options: BatchReplayOptions): Promise<BatchReport>;
};

export type ReplayerOptions = ReplayWriterParts & {
  readonly rules: ReplayRules;
  /** `null` without a Schema Registry. */
  readonly schemas: SchemaRegistry | null;
  readonly observer: {
    /** Called as soon as these dead letters were replayed. */
    replayed(ids: readonly string[], by: string): void;
    refused(count: number): void;
  };
};

/** How long HTTP clients and the proxies before them wait for an answer. */
export const batchMsMax = 20_000;
/** Bounds of one page of a batch, whose values are in memory together. */
const pageRowsMax = 100;
const pageBytesMax = 4 * 1024 * 1024;
/** Changes that a dry run shows. */
export const previewsMax = 5;

export function createReplayer(options: ReplayerOptions): Replayer {
  const { deadLetters, clock, rules, schemas, observer } = options;
  /** Dead letters that a call of this gateway is replaying now. No other call may replay them. */
  const inProgress = new Set<string>();

  const replay: ReplayMany = async (ids, { dryRun, by, payload, transform, force }) => {
    const free = ids.filter((id) => !inProgress.has(id));
    for (const id of free) inProgress.add(id);
    try {
      const outcomes = new Map<string, BatchOutcome>();
      const planned: PlannedReplay[] = [];
      for (const id of ids) {
        if (!free.includes(id)) {
          outcomes.set(id, { id, refusal: beingReplayed });
          continue;
        }
        const deadLetter = await deadLetters.get(id);
        if (deadLetter === null) continue;
        const now = clock.now();
        const schema = await schemaOf(payload ?? deadLetter.value, schemas);
        const plan = planReplay(deadLetter, { payload, transform, force, schema, now }, rules);
        if ('refusal' in plan) {
          outcomes.set(id, { id, refusal: plan.refusal });
          continue;
        }
        const isShown = dryRun && transform !== null && planned.length < previewsMax;
        const change = { before: deadLetter.value, after: plan.record.value };
        outcomes.set(id, { id, ...(isShown && { change }) });
        planned.push({ deadLetter, record: plan.record });
      }
      if (!dryRun)
        for (const outcome of await writeReplays(options, planned, by))
          outcomes.set(outcome.id, outcome);
      const all = [...outcomes.values()];
      const replayed = all.flatMap((outcome) => ('position' in outcome ? [outcome.id] : []));
      if (replayed.length > 0) observer.replayed(replayed, by);
      if (!dryRun) observer.refused(all.filter((outcome) => 'refusal' in outcome).length);
      return all;
    } finally {
      for (const id of free) inProgress.delete(id);
    }
  };

  return {
    async one(id, { payload, force, by }) {
      const [outcome] = await replay([id], {
        payload,
        transform: null,
        force,
        by,
        dryRun: false,
      });
      return outcome !== undefined && ('position' in outcome || 'refusal' in outcome)
        ? outcome
        : null;
    },
    batch: (filter, batchOptions) =>
      replayBatch({ deadLetters, clock, replay }, filter, batchOptions),
  };
}

const beingReplayed = {
  code: 'being_replayed',
  detail: 'Another request is replaying it now.',
} as const;

/** Replays dead letters in order. Unknown ids are left out. */
type ReplayMany = (
  ids: readonly string[],
  options: Pick<ReplayOptions, 'payload' | 'transform' | 'force'> & {
    readonly by: string;
    readonly dryRun: boolean;
  },
) => Promise<BatchReport['outcomes']>;

async function replayBatch(
  {
    deadLetters,
    clock,
    replay,
  }: { readonly deadLetters: DeadLetters; readonly clock: Clock; readonly replay: ReplayMany },
  filter: DeadLetterFilter,
  { transform, force, dryRun, limit, perSecond, by, signal }: BatchReplayOptions,
): Promise<BatchReport> {
  const startedAt = clock.monotonic();
  const rowsMax = Math.min(pageRowsMax, Math.ceil(perSecond ?? pageRowsMax));
  const outcomes: BatchOutcome[] = [];
  let after = filter.after;
  let trouble: string | null = null;
  while (
    trouble === null &&
    outcomes.length < limit &&
    !signal.aborted &&
    clock.monotonic() - startedAt < batchMsMax
  ) {
    const pageLimit = Math.min(limit - outcomes.length, rowsMax);
    try {
      const found = await deadLetters.list({
        ...filter,
        ...(after !== undefined && { after }),
        limit: pageLimit,
        valueBytesMax: 0,
      });
      const page = fittingInMemory(found);
      const ids = page.map(({ id }) => id);
      outcomes.push(...(await replay(ids, { payload: null, transform, force, by, dryRun })));
      const last = page.at(-1);
      if (last === undefined || (page.length === found.length && found.length < pageLimit))
        return { outcomes, next: null, trouble };
      after = { failedAt: last.failedAt, id: last.id };
    } catch (error) {
      if (outcomes.length === 0 || !(error instanceof VectorStreamError)) throw error;
      trouble = error.message;
    }
    if (perSecond !== null && !dryRun) {
      const dueAt = startedAt + (outcomes.length / perSecond) * 1000;
      await rest(clock, Math.max(0, dueAt - clock.monotonic()), signal);
    }
    await nextTurn();
  }
  return { outcomes, next: after ?? null, trouble };
}

/** The first dead letters whose values fit into memory together, at least one. */
function fittingInMemory(found: readonly DeadLetterEntry[]): readonly DeadLetterEntry[] {
  let bytes = 0;
  return found.filter(
    ({ valueBytes }, index) => (bytes += valueBytes) <= pageBytesMax || index === 0,
  );
}
