// Reads the log in the data folder for one consumer group: all partitions in turn, one batch ahead,
// committed to the settled head.

import { assert } from '#core/errors/assert.ts';
import { Assignment } from '#core/pipeline/assignment.ts';
import type { Clock, Delivery, EventSource } from '#core/ports.ts';
import { createCoalescedTask } from '#core/time/coalesced-task.ts';
import type { ReaderApi } from './reader.ts';
import { unpackLogRecords } from './record-codec.ts';
import type { ReadAnswer } from './sql/log-reads.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

export type EmbeddedSourceOptions = {
  /** Records and bytes per batch. */
  readonly batchMax: number;
  readonly batchBytesMax: number;
  /** Delivered records per partition from its first unsettled one on. */
  readonly unsettledMax: number;
  /** A commit is due so long after the first settle, or after so many. */
  readonly commitMs: number;
  readonly commitSettles: number;
  /** How long to wait before the log is asked again after trouble. */
  readonly retryMs: number;
};

export const sourceDefaults: EmbeddedSourceOptions = {
  batchMax: 1_000,
  batchBytesMax: 4 * 2 ** 20,
  unsettledMax: 20_000,
  commitMs: 200,
  commitSettles: 2_000,
  retryMs: 500,
};

type Parts = {
  readonly writer: WorkerClient<WriterApi>;
  readonly reader: WorkerClient<ReaderApi>;
  readonly topic: string;
  readonly groupId: string;
  readonly clock: Clock;
  /** Called after every append of this process, which is the only one that appends. */
  readonly onAppend: Set<() => void>;
};

export async function createEmbeddedSource(
  { writer, reader, topic, groupId, clock, onAppend }: Parts,
  options: EmbeddedSourceOptions,
): Promise<EventSource> {
  const assignment = new Assignment(options.unsettledMax);
  const joined = await writer.call('join', groupId);
  const epochs = new Map(
    joined.map(({ partition, offset }) => [partition, assignment.assign(partition, offset)]),
  );

  const closing = new AbortController();
  const { signal: closed } = closing;
  let trouble: string | null = null;
  let started = false;
  let turn = 0;
  let change = Promise.withResolvers<void>();

  const wake = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  onAppend.add(wake);

  const commit = async (): Promise<void> => {
    const commits = assignment.commits();
    if (commits.length === 0) return;
    await writer.call('commit', { groupId, commits });
    assignment.committed(commits);
    trouble = null;
  };
  const fail = (error: unknown): void => {
    trouble = error instanceof Error ? error.message : String(error);
  };
  const commits = createCoalescedTask({
    work: commit,
    delayMs: options.commitMs,
    countMax: options.commitSettles,
    retryMs: options.retryMs,
    clock,
    failed: fail,
  });

  const settle = (partition: number, epoch: number, offset: number): void => {
    if (!assignment.settle(partition, epoch, offset)) return;
    wake();
    commits.ask();
  };

  /**
   * A read from where each partition stands, begun with the next one in turn. Full ones are left
   * out.
   */
  const read = async (): Promise<ReadAnswer | null> => {
    const places = [...epochs].flatMap(([partition, epoch]) => {
      const max = assignment.room(partition, epoch);
      const offset = assignment.next(partition, epoch);
      return max === 0 || offset === null ? [] : [{ partition, offset, max }];
    });
    if (places.length === 0) return null;
    turn = (turn + 1) % places.length;
    return reader.call('read', {
      from: [...places.slice(turn), ...places.slice(0, turn)],
      recordsMax: options.batchMax,
      bytesMax: options.batchBytesMax,
    });
  };

  /** `changed` is from before the read began: what is onAppend during it is not missed. */
  const readAhead = () => ({ changed: change.promise, answer: settledOf(read()) });

  const deliver = ({ packed, partitions, offsets }: ReadAnswer): readonly Delivery[] =>
    unpackLogRecords(packed).flatMap((record, index): Delivery[] => {
      const partition = partitions[index] ?? 0;
      const offset = offsets[index] ?? 0;
      const epoch = epochs.get(partition) ?? 0;
      if (!assignment.deliver(partition, epoch, offset)) return [];
      return [
        {
          ...record,
          position: { topic, partition, offset },
          settle: () => settle(partition, epoch, offset),
        },
      ];
    });

  return {
    kind: 'embedded',

    async *deliveries(signal) {
      assert(!started, 'The deliveries of a source were asked for twice');
      started = true;
      const ended = AbortSignal.any([signal, closed]);
      ended.addEventListener('abort', wake);
      try {
        for (let next = readAhead(); !ended.aborted;) {
          const { changed, answer } = next;
          const result = await answer;
          if (ended.aborted) return;
          if ('error' in result) {
            fail(result.error);
            await clock.sleep(options.retryMs, ended).catch(() => {});
            next = readAhead();
            continue;
          }
          trouble = null;
          const batch = result.value === null ? [] : deliver(result.value);
          if (batch.length === 0) await changed;
          next = readAhead();
          if (batch.length > 0) yield batch;
        }
      } finally {
        ended.removeEventListener('abort', wake);
      }
    },

    lag: () => reader.call('lag', groupId),
    unsettled: () => assignment.unsettled(),
    health: () => trouble,

    async [Symbol.asyncDispose]() {
      if (closed.aborted) return;
      closing.abort();
      onAppend.delete(wake);
      await commits.stop();
      await commit().catch(fail);
      for (const partition of assignment.partitions()) assignment.revoke(partition);
      await writer.call('leave', groupId).catch(() => {});
    },
  };
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** A read runs ahead of whoever awaits it, so its failure is kept as a value until then. */
function settledOf<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}
