// The worker that reads `vectorstream.db`: it sees what is committed, and neither waits for the
// writer nor makes the writer wait.

import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Fifo } from '#core/collections/fifo.ts';
import { assert } from '#core/errors/assert.ts';
import { openDatabase, openDataFolder } from './sql/database.ts';
import { createDeadLetterReads, type DeadLetterReads } from './sql/dead-letter-tables.ts';
import { createLogReads, type LogReads } from './sql/log-reads.ts';
import { createSessionReads, type SessionReads } from './sql/session-tables.ts';
import { asDependencyError, damagedValue } from './sql/sqlite-errors.ts';
import { createStoreReads, type StoreReads } from './sql/store-reads.ts';
import { VectorCopy } from './vectors/vector-copy.ts';
import { type Call, handlerOf, serve } from './worker-rpc.ts';

export type ReaderApi = LogReads & StoreReads & SessionReads & DeadLetterReads;
export type ReaderOptions = {
  readonly folder: string;
  readonly dimensions: number;
  /** Whether to keep a copy of all vectors in memory, which makes searches fast. */
  readonly copiesVectors: boolean;
  /** Shared memory: 0 until the writer has opened the file. */
  readonly gate: Int32Array;
};

/** These calls go before all others, so that many searches do not starve the event stream. */
const urgentMethods: ReadonlySet<string> = new Set(['read', 'lag'] satisfies (keyof ReaderApi)[]);
const cacheKib = 12 * 1024;
const followIntervalMs = 500;

const { folder, dimensions, copiesVectors, gate }: ReaderOptions = workerData;
assert(parentPort !== null, 'The database reader runs outside of a worker');
Atomics.wait(gate, 0, 0);

serve(parentPort, () =>
  openDataFolder(folder, () => {
    const database = openDatabase(folder, { readOnly: true, cacheKib });
    const partitions = Number(
      database.prepare("SELECT value FROM meta WHERE name = 'partitions'").get()?.['value'],
    );
    if (!Number.isInteger(partitions)) throw damagedValue('the number of partitions is missing');
    const copy = copiesVectors ? new VectorCopy(database, dimensions) : null;
    const handlers: ReaderApi = {
      ...createLogReads(database, partitions),
      ...createStoreReads(database, dimensions, copy),
      ...createSessionReads(database),
      ...createDeadLetterReads(database),
    };
    const urgent = new Fifo<Call>();
    const others = new Fifo<Call>();
    let working = Promise.resolve();
    let isClosing = false;

    const isWaiting = (): boolean => urgent.size + others.size > 0;
    const isIdle = (): boolean => !isWaiting() && !isClosing;

    const run = async (call: Call): Promise<void> => {
      try {
        call.resolve(await handlerOf(handlers, call)(call.argument));
      } catch (error) {
        call.reject(asDependencyError(error));
      }
    };

    const runWaiting = async (): Promise<void> => {
      for (
        let call = urgent.take() ?? others.take();
        call !== undefined;
        call = urgent.take() ?? others.take()
      ) {
        await run(call);
        // Accepts the calls that arrived meanwhile: one of them may be urgent.
        if (isWaiting()) await setImmediate();
      }
    };

    /** An error shows in the next search too, which reads the same vectors. */
    const continueCopy = async (): Promise<void> => {
      try {
        while (isIdle() && copy?.step() === true) await setImmediate();
      } catch {}
    };
    working = continueCopy();
    // Without any call, the copy still follows the file: the next search finds it complete.
    const following = setInterval(() => {
      if (isIdle()) working = working.then(continueCopy);
    }, followIntervalMs);

    return {
      answer: (calls) => {
        const wasWaiting = isWaiting();
        for (const call of calls) (urgentMethods.has(call.method) ? urgent : others).push(call);
        if (!wasWaiting) working = working.then(runWaiting).then(continueCopy);
      },
      close: async () => {
        isClosing = true;
        clearInterval(following);
        await working;
        database.close();
      },
    };
  }),
);
