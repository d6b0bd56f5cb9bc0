// Starts a worker as a separate process and reports how it ended, exactly once.

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
/** Checks without a message after which a worker counts as hung: one minute. */
const missedMax = 12;

// The supervisor kills its workers when it exits. If it is killed itself, the workers notice that
// their channel has closed.
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** `drain` lets the process finish its jobs and end by itself; `kill` ends it at once. */
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
    const report = fromWorkerSchema.parse(message);
    if (report.type === 'ready') ready = true;
    else if (report.type === 'done') done = true;
    else if (report.type === 'failed') failed = report;
  });
  // Counts checks instead of time: after the whole machine slept, only one check was missed.
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
      finish(`the process ended with ${signal ?? `exit code ${code}`}`),
    );
  });
  return {
    ended,
    drain() {
      // A worker that has ended needs no message.
      if (child.connected) child.send(drainMessage, () => undefined);
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}
