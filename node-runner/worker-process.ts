// Starts a worker as a process of its own and turns what becomes of it into one ending.

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Worker, WorkerEnding } from '#core/runner/supervisor.ts';
import {
  aliveEveryMs,
  drainMessage,
  fromWorkerSchema,
  type WorkerRequest,
} from './process-messages.ts';

const workerFile = fileURLToPath(new URL('worker.ts', import.meta.url));
const alive = new Set<ChildProcess>();
/** Signs of life that a worker may miss before it counts as hung: a minute. */
const missedMax = 12;

// A supervisor that ends in any way it can notice takes its workers along; otherwise they notice
// that it is gone.
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** The process is given one chance to end by itself; `kill` does not ask. */
export function startWorker(request: WorkerRequest): Worker {
  const child = fork(workerFile, [JSON.stringify(request)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  alive.add(child);
  let ready = false;
  let done = false;
  let failed: { message: string; retryable: boolean } | null = null;
  let missed = 0;
  child.on('message', (message) => {
    missed = 0;
    const told = fromWorkerSchema.parse(message);
    if (told.type === 'ready') ready = true;
    else if (told.type === 'done') done = true;
    else if (told.type === 'failed') failed = told;
  });
  // Counted in checks and not by the clock: when the whole machine slept, only one check was
  // missed.
  const watch = setInterval(() => {
    if (!ready || ++missed <= missedMax) return;
    failed = {
      message: `it showed no sign of life for ${(missedMax * aliveEveryMs) / 1000} s`,
      retryable: true,
    };
    child.kill('SIGKILL');
  }, aliveEveryMs);
  const ended = new Promise<WorkerEnding>((resolve) => {
    const finish = (message: string): void => {
      clearInterval(watch);
      alive.delete(child);
      resolve({
        done,
        renew: false,
        ready,
        retryable: failed?.retryable ?? true,
        message: failed?.message ?? message,
      });
    };
    child.once('error', (error) => finish(`the process cannot be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      finish(`the process ended by ${signal ?? `exit code ${code}`}`),
    );
  });
  return {
    ended,
    drain() {
      // A worker that is gone already needs no word.
      if (child.connected) child.send(drainMessage, () => undefined);
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}
