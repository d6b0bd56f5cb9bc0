// The worker that reads `vectorstream.db`: it sees what is committed, and never waits for the
// writer nor makes it wait.

import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '#core/errors/assert.ts';
import { openDatabase, opening } from './sql/database.ts';
import { createDeadLetterReads, type DeadLetterReads } from './sql/dead-letter-tables.ts';
import { createLogReads, type LogReads } from './sql/log-reads.ts';
import { createSessionReads, type SessionReads } from './sql/session-tables.ts';
import { asDependencyError } from './sql/sqlite-errors.ts';
import { createStoreReads, type StoreReads } from './sql/store-reads.ts';
import { VectorCopy } from './vectors/vector-copy.ts';
import { type Call, handlerOf, serve } from './worker-rpc.ts';

export type ReaderApi = LogReads & StoreReads & SessionReads & DeadLetterReads;
export type ReaderOptions = {
  readonly folder: string;
  readonly dimensions: number;
  /** Whether to keep a copy of all vectors in memory: where searches are many. */
  readonly copiesVectors: boolean;
  /** Shared: 0 until the writer has opened the file. */
  readonly gate: Int32Array;
};

/** These go before all others, so that many searches do not starve the stream. */
const urgent: ReadonlySet<string> = new Set(['read', 'lag'] satisfies (keyof ReaderApi)[]);
const cacheKib = 12 * 1024;
const followEveryMs = 500;

const { folder, dimensions, copiesVectors, gate }: ReaderOptions = workerData;
assert(parentPort !== null, 'The database reader runs outside of a worker');
Atomics.wait(gate, 0, 0);

serve(parentPort, () =>
  opening(folder, () => {
    const database = openDatabase(folder, { readOnly: true, cacheKib });
    const partitions = Number(
      database.prepare("SELECT value FROM meta WHERE name = 'partitions'").get()?.['value'],
    );
    const copy = copiesVectors ? new VectorCopy(database, dimensions) : null;
    const handlers: ReaderApi = {
      ...createLogReads(database, partitions),
      ...createStoreReads(database, dimensions, copy),
      ...createSessionReads(database),
      ...createDeadLetterReads(database),
    };
    const waiting: Call[] = [];
    let working = Promise.resolve();
    let isClosing = false;

    const run = async (call: Call): Promise<void> => {
      try {
        call.resolve(await handlerOf(handlers, call)(call.argument));
      } catch (error) {
        call.reject(asDependencyError(error));
      }
    };

    const work = async (): Promise<void> => {
      while (waiting.length > 0) {
        const [call] = waiting.splice(
          Math.max(
            0,
            waiting.findIndex(({ method }) => urgent.has(method)),
          ),
          1,
        );
        if (call) await run(call);
        // Lets calls in that came meanwhile: one of them may be urgent.
        if (waiting.length > 0) await setImmediate();
      }
    };

    const isIdle = (): boolean => waiting.length === 0 && !isClosing;

    /** What goes wrong shows in the next search, which reads the same. */
    const copyOn = async (): Promise<void> => {
      try {
        while (isIdle() && copy?.step() === true) await setImmediate();
      } catch {}
    };
    working = copyOn();
    // Where nothing is asked for long, too: the first search then finds the copy whole.
    const following = setInterval(() => {
      if (isIdle()) working = working.then(copyOn);
    }, followEveryMs);

    return {
      answer: (calls) => {
        waiting.push(...calls);
        if (waiting.length === calls.length) working = working.then(work).then(copyOn);
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
