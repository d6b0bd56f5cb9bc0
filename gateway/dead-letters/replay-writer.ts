// Writes planned replays: first the record to the source, then the status of the dead letter.
//
// After a crash between the two, the dead letter is still open. Replaying it again adds a second
// copy of the event, which the store recognises by its id.

import { DependencyError } from '#core/errors/errors.ts';
import type {
  Clock,
  DeadLetterEntry,
  DeadLetters,
  DeadLetterStatus,
  EventSink,
  LogRecord,
  Position,
} from '#core/ports.ts';
import type { Refusal } from './replay-plan.ts';

export type PlannedReplay = { readonly deadLetter: DeadLetterEntry; readonly record: LogRecord };

export type ReplayOutcome = { readonly id: string } & (
  | { readonly position: Position }
  | { readonly refusal: Refusal }
);

export type ReplayWriterParts = {
  readonly deadLetters: DeadLetters;
  readonly sink: EventSink;
  readonly clock: Clock;
};

/**
 * One outcome per planned replay, in order.
 *
 * @throws DependencyError or LogFullError when the records or statuses could not be written
 */
export async function writeReplays(
  { deadLetters, sink, clock }: ReplayWriterParts,
  planned: readonly PlannedReplay[],
  by: string,
): Promise<readonly ReplayOutcome[]> {
  if (planned.length === 0) return [];
  const answers = await appendEach(
    sink,
    planned.map(({ record }) => record),
  );
  const replayedAt = clock.now();
  const changes: { id: string; status: DeadLetterStatus }[] = [];
  const outcomes = planned.map(({ deadLetter }, index): ReplayOutcome => {
    const { id, replays, purge } = deadLetter;
    const answer = answers[index] ?? noPosition;
    if ('code' in answer) return { id, refusal: answer };
    const replay = { at: replayedAt, by, position: answer };
    changes.push({ id, status: { state: 'replayed', replays: replays + 1, replay, purge } });
    return { id, position: answer };
  });
  await deadLetters.setStatus(changes).catch((error: unknown) => {
    throw error instanceof DependencyError ? statusError(changes.length, error) : error;
  });
  return outcomes;
}

const noPosition: Refusal = {
  code: 'refused_by_source',
  detail: 'The source returned no position for it.',
};

/**
 * Appends each record alone when the source has refused some for good, so that the refused ones do
 * not block the others.
 */
async function appendEach(
  sink: EventSink,
  records: readonly LogRecord[],
): Promise<readonly (Position | Refusal)[]> {
  try {
    return await sink.append(records);
  } catch (error) {
    if (!(error instanceof DependencyError) || error.retryable) throw error;
    if (records.length === 1) return [{ code: 'refused_by_source', detail: error.message }];
    const answers: (Position | Refusal)[] = [];
    for (const record of records) answers.push((await appendEach(sink, [record]))[0] ?? noPosition);
    return answers;
  }
}

function statusError(count: number, error: DependencyError): DependencyError {
  return new DependencyError(
    error.dependency,
    error.code,
    `${count} dead letters were replayed, but their status could not be written: they still ` +
      `count as open. Replaying them again does no harm. ${error.message}`,
    { retryable: true, cause: error },
  );
}
