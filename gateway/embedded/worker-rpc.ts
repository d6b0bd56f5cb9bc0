// Calls between the gateway's thread and a database worker: every call ends, with its answer, its
// typed error or the worker's death.
//
// Typed arrays at the top level of an argument or answer are moved, not copied: make them for the
// message.

import { type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { assert } from '#core/errors/assert.ts';
import {
  DependencyError,
  IndexMismatchError,
  LogFullError,
  UsageError,
  VectorStreamError,
} from '#core/errors/errors.ts';
import { damagedCode } from './sql/sqlite-errors.ts';

/** What a worker offers: one message in, one out. */
export type Api = { readonly [method: string]: (argument: never) => unknown };

/**
 * One call as the worker sees it. Its argument is what the method takes, as both sides are checked
 * against one `Api`; exactly one of `resolve` and `reject` ends it.
 */
export type Call = {
  readonly method: string;
  readonly argument: never;
  resolve(value: unknown): void;
  reject(error: unknown): void;
};

type WireError = {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
};
type Asked<Argument = never> = {
  readonly id: number;
  readonly method: string;
  readonly argument: Argument;
};
type RpcReply<Value = never> =
  | { readonly id: number; readonly value: Value }
  | { readonly id: number; readonly error: WireError };

/** The id under which a worker announces itself. */
const readyId = 0;
const closeMethod = 'close';

/**
 * Calls handed to the worker's code at once: those that wait are taken together, so that one fsync
 * serves them all.
 */
const groupMax = 64;

/**
 * On the worker's side. `start` opens what the worker needs and returns how to answer a group of
 * calls (in the order in which they came; it ends every one) and how to close; what it throws
 * reaches the client's `ready`.
 */
export function serve(
  port: MessagePort,
  start: () => { answer(calls: readonly Call[]): void; close(): Promise<void> },
): void {
  const send = (message: RpcReply<unknown>, moved: readonly ArrayBuffer[]) =>
    port.postMessage(message, moved);
  const asCall = ({ id, method, argument }: Asked): Call => ({
    method,
    argument,
    resolve: (value) => send({ id, value }, buffersOf(value)),
    reject: (error) => send({ id, error: wireError(error) }, []),
  });
  try {
    const service = start();
    port.on('message', (first: Asked) => {
      const group: Call[] = [];
      for (
        let next: Asked | undefined = first;
        next !== undefined;
        next = group.length < groupMax ? waiting(port) : undefined
      ) {
        if (next.method !== closeMethod) {
          group.push(asCall(next));
          continue;
        }
        service.answer(group);
        void service.close().finally(() => port.close());
        return;
      }
      service.answer(group);
    });
    send({ id: readyId, value: null }, []);
  } catch (error) {
    send({ id: readyId, error: wireError(error) }, []);
    port.close();
  }
}

/** The gateway's side of one worker. */
export class WorkerClient<A extends Api> {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #pending = new Map<
    number,
    { resolve(value: never): void; reject(error: unknown): void }
  >();
  readonly #ready: Promise<unknown>;
  readonly #exited: Promise<void>;
  #lastId = readyId;
  readonly #onWorkerExit: (error: DependencyError) => void;
  /** Why no call is taken any more. */
  #closed: DependencyError | null = null;

  /**
   * `died` is called when a worker that was ready ends without having been asked to, and whenever
   * it meets damage in its file.
   */
  constructor(worker: Worker, name: string, onWorkerExit: (error: DependencyError) => void) {
    this.#worker = worker;
    this.#name = name;
    this.#onWorkerExit = onWorkerExit;
    let wasReady = false;
    this.#ready = new Promise((resolve, reject) => {
      this.#pending.set(readyId, { resolve, reject });
    }).then(() => {
      wasReady = true;
    });
    // Whoever awaits `ready` hears of it; until then it must not count as unhandled.
    this.#ready.catch(() => {});
    let cause: unknown;
    worker.on('message', (message: RpcReply) => this.#settle(message));
    worker.on('error', (error) => {
      cause = error;
    });
    this.#exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        const detail = cause instanceof Error ? cause.message : `exit code ${code}`;
        const message = `The ${name} has stopped (${detail}): what it was doing may or may not have been written. Start the gateway again.`;
        // Repeating the call cannot help here, but the items are not to blame: nothing may be
        // dead-lettered for it.
        const error = new DependencyError('embedded', 'worker_stopped', message, {
          retryable: true,
          cause,
        });
        const unexpected = this.#closed === null;
        this.#closed ??= error;
        for (const call of this.#pending.values()) call.reject(error);
        this.#pending.clear();
        if (unexpected && wasReady) onWorkerExit(error);
        resolve();
      });
    });
  }

  /** Resolves once the worker can be called; rejects with the reason why it cannot. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /**
   * Rejects with what the worker threw: of the classes of core/errors/errors.ts as the same class,
   * code and `retryable`.
   */
  call<M extends keyof A & string>(
    method: M,
    argument: Parameters<A[M]>[0],
  ): Promise<Awaited<ReturnType<A[M]>>> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null) return reject(this.#closed);
      this.#lastId += 1;
      this.#pending.set(this.#lastId, { resolve, reject });
      this.#worker.postMessage(
        { id: this.#lastId, method, argument } satisfies Asked<unknown>,
        buffersOf(argument),
      );
    });
  }

  /** Ends the worker after every call made before, and waits for it. */
  async close(): Promise<void> {
    if (this.#closed === null) {
      this.#closed = new DependencyError('embedded', 'closed', `The ${this.#name} is closed.`, {
        retryable: false,
      });
      this.#worker.postMessage(
        { id: readyId, method: closeMethod, argument: null } satisfies Asked<null>,
        [],
      );
    }
    await this.#exited;
  }

  #settle(message: RpcReply): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (!('error' in message)) {
      pending?.resolve(message.value);
      return;
    }
    const error = restored(message.error);
    pending?.reject(error);
    // Whoever goes on writing to a damaged file damages more of it.
    if (message.id !== readyId && error instanceof DependencyError && error.code === damagedCode)
      this.#onWorkerExit(error);
  }
}

/** The handler of a call. Only a bug can ask for one that is not there. */
export function handlerOf(handlers: Api, { method }: Call): (argument: never) => unknown {
  const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
  assert(handler !== undefined, `A database worker has no method ${method}`);
  return handler;
}

function waiting(port: MessagePort): Asked | undefined {
  return receiveMessageOnPort(port)?.message;
}

/** Only views that span their whole buffer can be moved without taking other data with them. */
function buffersOf(message: unknown): ArrayBuffer[] {
  const isObject = typeof message === 'object' && message !== null && !Array.isArray(message);
  const members: readonly unknown[] = ArrayBuffer.isView(message)
    ? [message]
    : isObject
      ? Object.values(message)
      : [];
  const buffers = new Set<ArrayBuffer>();
  for (const member of members) {
    if (
      ArrayBuffer.isView(member) &&
      member.buffer instanceof ArrayBuffer &&
      member.byteLength === member.buffer.byteLength
    )
      buffers.add(member.buffer);
  }
  return [...buffers];
}

function wireError(error: unknown): WireError {
  if (error instanceof VectorStreamError)
    return {
      name: error.name,
      code: error.code,
      message: error.message,
      retryable: error.retryable,
    };
  return {
    name: 'Error',
    code: 'bug',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    retryable: false,
  };
}

function restored({ name, code, message, retryable }: WireError): Error {
  if (name === 'UsageError') return new UsageError(message);
  if (name === 'IndexMismatchError') return new IndexMismatchError(message);
  if (name === 'LogFullError') return new LogFullError(message);
  if (name === 'DependencyError')
    return new DependencyError('embedded', code, message, { retryable });
  return new Error(message);
}
