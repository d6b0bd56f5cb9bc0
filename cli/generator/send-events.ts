// Sends a stream of events at the pace asked for, several posts at a time, and counts what became
// of each.

import type { Clock } from '#core/ports.ts';
import type { PostCounts } from '../gateway-client.ts';
import type { GeneratedEvent } from './event-stream.ts';

export type PostOptions = {
  readonly onInvalid: 'dead_letter';
  readonly signal: AbortSignal;
  readonly keys: readonly string[];
};

export type SendOptions = {
  readonly events: Iterable<GeneratedEvent>;
  /** A gateway, or a log that wants to know the key of each line. */
  readonly client: {
    postEvents(lines: readonly Uint8Array[], options: PostOptions): Promise<PostCounts>;
  };
  /** Events per second; `null` as fast as the gateway takes them. */
  readonly rate: number | null;
  readonly clock: Clock;
  /** Ends the sending: posts under way are finished, nothing new is begun. */
  readonly stop: AbortSignal;
  /** Ends the posts under way, too. */
  readonly abandon: AbortSignal;
  readonly onProgress: (sent: number) => void;
};

export type SendResult = PostCounts & { readonly sent: number; readonly seconds: number };

const postsAtOnce = 3;
const eventsPerPost = 500;
const bytesPerPost = 1 << 20;
/** At a given rate, a post goes out so often: events are not kept back to fill it. */
const pacedPostMs = 50;

/**
 * Resolves when every event is acknowledged, or `stop` has fired and what was under way is. Rejects
 * with the first failure.
 */
export async function sendEvents({
  events,
  client,
  rate,
  clock,
  stop,
  abandon,
  onProgress,
}: SendOptions): Promise<SendResult> {
  const startedAt = clock.monotonic();
  const perPost =
    rate === null
      ? eventsPerPost
      : Math.min(eventsPerPost, Math.max(1, Math.round((rate * pacedPostMs) / 1000)));
  const posts = inPosts(events, perPost);
  const failed = new AbortController();
  const signal = AbortSignal.any([abandon, failed.signal]);
  const total = { accepted: 0, rejected: 0, deadLettered: 0, sent: 0 };
  let taken = 0;

  // Each sender takes the next post when its last one is acknowledged: nothing is read ahead of
  // what can be sent.
  const sender = async (): Promise<void> => {
    for (let next = posts.next(); next.done !== true; next = posts.next()) {
      const { lines, keys } = next.value;
      taken += lines.length;
      if (rate !== null)
        await clock
          .sleep(
            Math.max(0, startedAt + (taken / rate) * 1000 - clock.monotonic()),
            AbortSignal.any([stop, signal]),
          )
          .catch(() => undefined);
      if (stop.aborted || signal.aborted) return;
      const result = await client.postEvents(lines, { onInvalid: 'dead_letter', signal, keys });
      total.accepted += result.accepted;
      total.rejected += result.rejected;
      total.deadLettered += result.deadLettered;
      total.sent += lines.length;
      onProgress(total.sent);
    }
  };
  const settled = await Promise.allSettled(
    Array.from({ length: postsAtOnce }, () =>
      sender().catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  const failure = settled.find((one) => one.status === 'rejected');
  if (failure !== undefined && !abandon.aborted) throw failure.reason;
  return { ...total, seconds: (clock.monotonic() - startedAt) / 1000 };
}

type Post = { readonly lines: Uint8Array[]; readonly keys: string[] };

/** Posts within both bounds; a line that is larger than the bound goes alone. */
function* inPosts(events: Iterable<GeneratedEvent>, eventsMax: number): Generator<Post, void> {
  let post: Post = { lines: [], keys: [] };
  let bytes = 0;
  for (const { line, key } of events) {
    if (
      post.lines.length === eventsMax ||
      (post.lines.length > 0 && bytes + line.length > bytesPerPost)
    ) {
      yield post;
      post = { lines: [], keys: [] };
      bytes = 0;
    }
    post.lines.push(line);
    post.keys.push(key);
    bytes += line.length + 1;
  }
  if (post.lines.length > 0) yield post;
}
