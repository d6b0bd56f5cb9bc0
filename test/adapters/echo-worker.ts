// A worker that returns its argument, throws the named error, or crashes on demand.

import { parentPort, workerData } from 'node:worker_threads';
import {
  DependencyError,
  IndexMismatchError,
  LogFullError,
  UsageError,
} from '#core/errors/errors.ts';
import { handlerOf, serve } from '../../gateway/embedded/worker-rpc.ts';

export type EchoApi = {
  echo(value: unknown): unknown;
  fail(name: string): null;
  die(argument: null): null;
};

const errors: Readonly<Record<string, Error>> = {
  DependencyError: new DependencyError('embedded', 'busy', 'It is busy.', { retryable: true }),
  UsageError: new UsageError('Wrong usage.'),
  LogFullError: new LogFullError('It is full.'),
  IndexMismatchError: new IndexMismatchError('The index differs.'),
};

const handlers: EchoApi = {
  echo: (value) => value,
  fail: (name) => {
    throw errors[name] ?? new TypeError('An unexpected error.');
  },
  die: () => {
    queueMicrotask(() => {
      throw new Error('It crashed.');
    });
    return null;
  },
};

if (parentPort === null) throw new Error('The echo worker runs outside of a worker.');
serve(parentPort, () => {
  if (workerData === 'cannot start') throw new UsageError('The folder is not there.');
  return {
    answer: (calls) => {
      const dying = calls.some(({ method }) => method === 'die');
      for (const call of calls) {
        try {
          const value = handlerOf(handlers, call)(call.argument);
          if (!dying) call.resolve(value);
        } catch (error) {
          call.reject(error);
        }
      }
    },
    close: async () => {},
  };
});
