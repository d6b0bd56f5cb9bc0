// Reads the log in the data folder for one consumer group: all partitions in turn, one batch ahead.
// Commits never pass the first unsettled record.

import { Assignment } from '#core/pipeline/assignment.ts';
import { createPulledSource } from '#core/pipeline/pulled-source.ts';
import type { Clock, EventSource } from '#core/ports.ts';
import { createCoalescedTask } from '#core/time/coalesced-task.ts';
import { rest } from '#core/time/rest.ts';
import { PartitionReader } from './partition-reader.ts';
import type { ReaderApi } from './reader.ts';
import type { ReadAnswer } from './sql/log-reads.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

export type EmbeddedSourceOptions = {
  /** Records and bytes per batch. */
  readonly batchMax: number;
  readonly batchBytesMax: number;
  /** Delivered records per partition, counted from its first unsettled record. */
  readonly unsettledMax: number;
  /** A commit is due this long after the first settle, or after this many settles. */
  readonly commitMs: number;
  readonly commitSettles: number;
  /** Wait before a failed read or commit is repeated. */
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

type SourceParts = {
  readonly writer: WorkerClient<WriterApi>;
  readonly reader: WorkerClient<ReaderApi>;
  readonly topic: string;
  readonly groupId: string;
  readonly clock: Clock;
  /** Callbacks for every append of this process, which is the only one that appends. */
  readonly onAppend: Set<() => void>;
};

export async function createEmbeddedSource(
  { writer, reader, topic, groupId, clock, onAppend }: SourceParts,
  options: EmbeddedSourceOptions,
): Promise<EventSource> {
  const assignment = new Assignment(options.unsettledMax);
  const epochs = new Map<number, number>();
  for (const { partition, offset } of await writer.call('join', groupId))
    epochs.set(partition, assignment.assign(partition, offset));
  let problem: string | null = null;

  const fail = (error: unknown): void => {
    problem = error instanceof Error ? error.message : String(error);
  };
  const commit = async (): Promise<void> => {
    const commits = assignment.commits();
    if (commits.length === 0) return;
    await writer.call('commit', { groupId, commits });
    assignment.committed(commits);
    problem = null;
  };
  const commits = createCoalescedTask({
    work: commit,
    delayMs: options.commitMs,
    countMax: options.commitSettles,
    retryMs: options.retryMs,
    clock,
    failed: fail,
  });

  const partitions = new PartitionReader({
    reader,
    topic,
    assignment,
    epochs,
    batchMax: options.batchMax,
    batchBytesMax: options.batchBytesMax,
    empty: (position) => writer.call('emptyRecord', position),
    onSettle() {
      pulled.wake();
      commits.ask();
    },
  });
  const readWithRetries = async (ended: AbortSignal): Promise<ReadAnswer | null> => {
    for (;;) {
      try {
        const answer = await partitions.read();
        problem = null;
        return answer;
      } catch (error) {
        fail(error);
        if (!(await rest(clock, options.retryMs, ended))) return null;
      }
    }
  };

  const pulled = createPulledSource({
    fetch: readWithRetries,
    deliver: (answer) => (answer === null ? [] : partitions.deliver(answer)),
  });
  onAppend.add(pulled.wake);

  return {
    kind: 'embedded',
    deliveries: pulled.deliveries,
    lag: async () => (await reader.call('lag', groupId)).map((each) => ({ topic, ...each })),
    unsettled: () => assignment.unsettled(),
    health: () => problem,

    async [Symbol.asyncDispose]() {
      if (pulled.closed.aborted) return;
      pulled.close();
      onAppend.delete(pulled.wake);
      await commits.stop();
      await commit().catch(fail);
      for (const partition of assignment.partitions()) assignment.revoke(partition);
      await writer.call('leave', groupId).catch(() => undefined);
    },
  };
}
