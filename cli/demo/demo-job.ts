// The demo's job: sends the events, waits until each is stored or dead-lettered, and counts
// exactly, also when the gateway died.

import type { Clock } from '#core/ports.ts';
import type { GatewayClient, GatewayStats } from '../gateway-client.ts';
import type { GeneratedEvent } from '../generator/event-stream.ts';
import { sendEvents } from '../generator/send-events.ts';
import type { Progress } from '../progress-bar.ts';

export type JobOptions = {
  readonly client: GatewayClient;
  readonly events: Iterable<GeneratedEvent>;
  readonly rate: number | null;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** How often the gateway has died so far. */
  readonly restarts: () => number;
  /** Called with every look at the gateway. */
  readonly onLook: () => void;
};

export type JobResult = {
  /** Acknowledged by the gateway as durable. */
  readonly events: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly deadLetteredByReason: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly uniqueTexts: number;
  readonly embeddedTexts: number;
  readonly restarts: number;
  /** The gateway's figures at the end. */
  readonly stats: GatewayStats;
};

const lookMs = 250;
const lookMsAtEnd = 50;
/**
 * Waiting longer than this without a single event done, with a gateway that answers, is worth a
 * word.
 */
const stuckMs = 15_000;

/**
 * The totals are differences of what the store and the dead-letter queue hold, and not of the
 * gateway's own counts: those start at 0 with every gateway, and see an event twice that was
 * delivered twice. The events of a job have ids that no other has, so the store grows by one for
 * each.
 *
 * Rejects with the signal's reason, or when the gateway refuses the events.
 */
export async function runJob({
  client,
  events,
  rate,
  clock,
  progress,
  signal,
  restarts,
  onLook,
}: JobOptions): Promise<JobResult> {
  const before = await client.stats(signal);
  const reasonsBefore = await client.deadLettersByReason(signal);
  const restartsBefore = restarts();
  const startedAt = clock.monotonic();
  const subjects = new Set<string>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let isSent = false;

  const sending = sendEvents({
    events: noting(events, subjects),
    client,
    rate,
    clock,
    stop,
    abandon: stop,
    onProgress: () => {},
  }).finally(() => {
    isSent = true;
  });
  sending.catch((error: unknown) => failed.abort(error));
  const settledOf = ({ store, dead_letters: letters }: GatewayStats): number =>
    store.events - before.store.events + letters.open - before.dead_letters.open;

  let movedAt = startedAt;
  let done = 0;
  let stats: GatewayStats;
  for (;;) {
    // Asked before the look: a gateway that is idle after the last acknowledgement has nothing left
    // to do.
    const wasSent = isSent;
    stats = await client.stats(stop);
    onLook();
    const now = clock.monotonic();
    if (settledOf(stats) !== done) movedAt = now;
    done = settledOf(stats);
    progress.update(done, now - movedAt > stuckMs ? waitingFor(stats) : '');
    if (wasSent && isIdle(stats)) break;
    await clock.sleep(wasSent ? lookMsAtEnd : lookMs, stop);
  }
  const seconds = (clock.monotonic() - startedAt) / 1000;
  const sent = await sending;
  const reasonsAfter = await client.deadLettersByReason(signal);
  const died = restarts() - restartsBefore;
  const stored = stats.store.events - before.store.events;
  return {
    events: sent.sent,
    stored,
    // A post that the gateway took and died before acknowledging was sent again: valid events are
    // known by their ids, but an invalid one may lie in the dead-letter queue twice.
    deadLettered: Math.min(stats.dead_letters.open - before.dead_letters.open, sent.sent - stored),
    deadLetteredByReason: difference(reasonsAfter, reasonsBefore),
    seconds,
    uniqueTexts: subjects.size,
    embeddedTexts:
      died === 0
        ? stats.texts.embedded - before.texts.embedded
        : stats.store.texts - before.store.texts,
    restarts: died,
    stats,
  };
}

export type BacklogOptions = {
  readonly client: Pick<GatewayClient, 'stats'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once, with the number of events that wait, when there are any. */
  readonly open: (waiting: number) => Progress;
};

/** Resolves when the gateway has finished what an earlier run left behind. */
export async function drainBacklog({ client, clock, signal, open }: BacklogOptions): Promise<void> {
  let stats = await client.stats(signal);
  if (isIdle(stats)) return;
  const waiting = stats.events.lag;
  const progress = open(waiting);
  while (!isIdle(stats)) {
    progress.update(Math.max(0, waiting - stats.events.lag));
    await clock.sleep(lookMs, signal);
    stats = await client.stats(signal);
  }
  progress.update(waiting);
  progress.finish();
}

const isIdle = ({ events }: GatewayStats): boolean => events.lag === 0 && events.unsettled === 0;

function waitingFor({ runners }: GatewayStats): string {
  return runners.some(({ state }) => state === 'ready')
    ? 'waiting for the gateway'
    : 'waiting for a runner';
}

/** Passes the events on, and remembers what the valid ones are about. */
function* noting(
  events: Iterable<GeneratedEvent>,
  subjects: Set<string>,
): Generator<GeneratedEvent> {
  for (const event of events) {
    if (!event.isInvalid) subjects.add(event.subject);
    yield event;
  }
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after)
      .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}
