// Starts and ends the worker threads of a data folder: a writer, a reader, and a second reader for
// long queries when it is first needed.

import { Worker } from 'node:worker_threads';
import type { DependencyError } from '#core/errors/errors.ts';
import type { ReaderApi, ReaderOptions } from './reader.ts';
import { WorkerClient } from './worker-rpc.ts';
import type { WriterApi, WriterOptions } from './writer-api.ts';

export type DatabaseWorkersOptions = {
  readonly writer: WriterOptions;
  readonly dimensions: number;
  readonly copiesVectors: boolean;
  /** Called at most once, when a worker has died or found its file damaged or gone. */
  readonly onWorkerExit: (error: DependencyError) => void;
};

/** Disposing it ends the workers after all calls made before. */
export type DatabaseWorkers = AsyncDisposable & {
  readonly writer: WorkerClient<WriterApi>;
  readonly reader: WorkerClient<ReaderApi>;
  /** The second reader. It has no copy of the vectors. */
  readonly analyst: () => WorkerClient<ReaderApi>;
  /** Ends the workers at once, as a crash would. */
  kill(): Promise<void>;
};

/**
 * Resolves once the writer and the reader accept calls.
 *
 * @throws UsageError when the folder cannot be used
 * @throws IndexMismatchError when the folder holds another index
 */
export async function startDatabaseWorkers({
  writer: writerOptions,
  dimensions,
  copiesVectors,
  onWorkerExit,
}: DatabaseWorkersOptions): Promise<DatabaseWorkers> {
  const { folder } = writerOptions;
  let hasEnded = false;
  const endOnce = (error: DependencyError): void => {
    if (!hasEnded) onWorkerExit(error);
    hasEnded = true;
  };
  // The reader loads while the writer opens the file. It waits at the gate for the schema.
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const readerOptions: ReaderOptions = { folder, dimensions, copiesVectors, gate };

  const writerWorker = startWorker(new URL('./writer.ts', import.meta.url), writerOptions);
  const writer = new WorkerClient<WriterApi>(writerWorker, 'database writer', endOnce);
  const readerWorker = startWorker(new URL('./reader.ts', import.meta.url), readerOptions);
  const reader = new WorkerClient<ReaderApi>(readerWorker, 'database reader', endOnce);
  try {
    await writer.ready();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await reader.ready();
  } catch (error) {
    await readerWorker.terminate();
    await writer.close();
    throw error;
  }

  let analystWorker: Worker | null = null;
  let analyst: WorkerClient<ReaderApi> | null = null;
  const startAnalyst = (): WorkerClient<ReaderApi> => {
    analystWorker = startWorker(new URL('./reader.ts', import.meta.url), {
      ...readerOptions,
      copiesVectors: false,
    });
    return new WorkerClient<ReaderApi>(analystWorker, 'second database reader', endOnce);
  };

  return {
    writer,
    reader,
    analyst: () => (analyst ??= startAnalyst()),
    async kill() {
      hasEnded = true;
      await Promise.all([
        writerWorker.terminate(),
        readerWorker.terminate(),
        analystWorker?.terminate(),
      ]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([reader.close(), analyst?.close()]);
      await writer.close();
    },
  };
}

/**
 * Node 24 warns that `node:sqlite` is experimental, which does not help a user of the gateway.
 *
 * What a worker receives is garbage as soon as it is written. A small young generation keeps tens
 * of MB of it from piling up in each worker.
 */
function startWorker(file: URL, data: WriterOptions | ReaderOptions): Worker {
  return new Worker(file, {
    workerData: data,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
  });
}
