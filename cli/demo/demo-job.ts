// The demo's job: sends the events, waits until each is stored or dead-lettered, and counts
// exactly, even when the gateway dies meanwhile.

import type { Clock } from '#core/ports.ts';
import type { Stats, VectorStreamClient } from '../../client/client.ts';
import { statsWithCounts, storedCountsOf, type StoredCounts } from '../gateway/stored-counts.ts';
import type { GeneratedEvent } from '../generator/event-stream.ts';
import { gatewayTarget, sendEvents, type SendResult } from '../generator/send-events.ts';
import type { Progress } from '../progress-bar.ts';

export type JobOptions = {
  readonly client: VectorStreamClient;
  readonly events: Iterable<GeneratedEvent>;
  readonly rate: number | null;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** How many times the gateway was restarted so far. */
  readonly restarts: () => number;
  /** Called after each poll of the gateway's figures. */
  readonly onPoll: () => void;
};

export type JobResult = {
  /** Events that the gateway acknowledged as durable. */
  readonly events: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly deadLetteredByReason: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly uniqueTexts: number;
  readonly embeddedTexts: number;
  readonly restarts: number;
  /** The gateway's figures at the end. */
  readonly stats: Stats;
};

const pollMs = 250;
const pollMsAtEnd = 50;
/** The time without a stored event after which the progress says what the gateway waits for. */
const stuckMs = 15_000;

/**
 * The totals are what store and dead-letter queue gained. The gateway's own counts would not do:
 * they start at 0 with every gateway, and count an event twice that was delivered twice. Each event
 * of a job has an id of its own, so the store grows by one for each.
 *
 * Rejects with the signal's reason, or when the gateway refuses the events.
 */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const { client, clock, signal, restarts } = options;
  const before = await statsWithCounts(client, clock, signal);
  const reasonsBefore = await deadLettersByReason(client, signal);
  const restartsBefore = restarts();
  const startedAt = clock.monotonic();
  const subjects = new Set<string>();

  const { sent, stats, counts } = await sendUntilStored(options, before.counts, subjects);
  const seconds = (clock.monotonic() - startedAt) / 1000;
  const reasonsAfter = await deadLettersByReason(client, signal);
  const restartsDuring = restarts() - restartsBefore;
  const stored = counts.events - before.counts.events;
  return {
    events: sent.sent,
    stored,
    // When a gateway dies before it acknowledges a batch, the batch is sent again. Valid events are
    // recognised by their ids; an invalid one may be in the dead-letter queue twice.
    deadLettered: Math.min(counts.deadLetters - before.counts.deadLetters, sent.sent - stored),
    deadLetteredByReason: increase(reasonsAfter, reasonsBefore),
    seconds,
    uniqueTexts: subjects.size,
    embeddedTexts:
      restartsDuring === 0
        ? stats.texts.embedded - before.stats.texts.embedded
        : counts.texts - before.counts.texts,
    restarts: restartsDuring,
    stats,
  };
}

type Stored = {
  readonly sent: SendResult;
  readonly stats: Stats;
  readonly counts: StoredCounts;
};

/** Adds what the valid events are about to `subjects`. */
async function sendUntilStored(
  { client, events, rate, clock, progress, signal, onPoll }: JobOptions,
  before: StoredCounts,
  subjects: Set<string>,
): Promise<Stored> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let isSent = false;
  const sending = sendEvents({
    events: withSubjects(events, subjects),
    target: gatewayTarget(client),
    rate,
    clock,
    stop,
    abandon: stop,
    onProgress: () => undefined,
  }).finally(() => {
    isSent = true;
  });
  sending.catch((error: unknown) => failed.abort(error));

  let movedAt = clock.monotonic();
  let done = 0;
  for (;;) {
    // Read before the poll: a gateway that is idle after the last acknowledgement has nothing left
    // to do.
    const wasSent = isSent;
    const stats = await client.stats({ signal: stop });
    const counts = storedCountsOf(stats);
    onPoll();
    const now = clock.monotonic();
    if (counts !== null) {
      const doneNow = counts.events - before.events + counts.deadLetters - before.deadLetters;
      if (doneNow !== done) movedAt = now;
      done = doneNow;
    }
    progress.update(done, now - movedAt > stuckMs ? waitReasonOf(stats) : '');
    if (wasSent && isIdle(stats) && counts !== null) return { sent: await sending, stats, counts };
    await clock.sleep(wasSent ? pollMsAtEnd : pollMs, stop);
  }
}

export type BacklogOptions = {
  readonly client: Pick<VectorStreamClient, 'stats'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once, with the number of waiting events, when there are any. */
  readonly onBacklog: (waiting: number) => Progress;
};

/** Resolves when the gateway has finished the events of an earlier run. */
export async function drainBacklog({
  client,
  clock,
  signal,
  onBacklog,
}: BacklogOptions): Promise<void> {
  let stats = await client.stats({ signal });
  // The log must answer first: until then the number of waiting events is not known.
  while (stats.events.lag === null) {
    await clock.sleep(pollMs, signal);
    stats = await client.stats({ signal });
  }
  if (isIdle(stats)) return;
  const waiting = stats.events.lag;
  const progress = onBacklog(waiting);
  while (!isIdle(stats)) {
    progress.update(Math.max(0, waiting - (stats.events.lag ?? waiting)));
    await clock.sleep(pollMs, signal);
    stats = await client.stats({ signal });
  }
  progress.update(waiting);
  progress.finish();
}

const isIdle = ({ events }: Stats): boolean => events.lag === 0 && events.unsettled === 0;

function waitReasonOf({ runners }: Stats): string {
  return runners.some(({ state }) => state === 'ready')
    ? 'waiting for the gateway'
    : 'waiting for a runner';
}

/** Passes the events on, and adds the subjects of the valid ones to `subjects`. */
function* withSubjects(
  events: Iterable<GeneratedEvent>,
  subjects: Set<string>,
): Generator<GeneratedEvent> {
  for (const event of events) {
    if (!event.isInvalid) subjects.add(event.subject);
    yield event;
  }
}

type CountsByReason = Readonly<Record<string, number>>;

/** Open, replayed and purged dead letters together. */
async function deadLettersByReason(
  client: VectorStreamClient,
  signal: AbortSignal,
): Promise<CountsByReason> {
  return (await client.deadLetters.stats({ signal })).by_reason;
}

function increase(after: CountsByReason, before: CountsByReason): CountsByReason {
  return Object.fromEntries(
    Object.entries(after)
      .map(([reason, total]) => [reason, total - (before[reason] ?? 0)] as const)
      .filter(([, total]) => total > 0),
  );
}
