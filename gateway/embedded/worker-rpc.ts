// Calls between the gateway's thread and a database worker: every call ends with its answer, with a
// typed error, or with the death of the worker.
//
// Typed arrays at the top level of an argument or answer are transferred, not copied: the sender
// loses them, so make them for the message.

import { type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { assert } from '#core/errors/assert.ts';
import {
  DependencyError,
  IndexMismatchError,
  LogFullError,
  UsageError,
  VectorStreamError,
} from '#core/errors/errors.ts';
import { misplacedCode } from './files-in-place.ts';
import { damagedCode } from './sql/sqlite-errors.ts';

/** The methods of a worker: each takes one message and returns one. */
type Api = { readonly [method: string]: (argument: never) => unknown };

/**
 * One call on the worker's side. `argument` is what the method takes: one `Api` types both sides.
 * Exactly one call of `resolve` or `reject` ends it.
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
type RpcRequest<Argument = never> = {
  readonly id: number;
  readonly method: string;
  readonly argument: Argument;
};
type RpcReply<Value = never> =
  | { readonly id: number; readonly value: Value }
  | { readonly id: number; readonly error: WireError };

/** The id of the reply that says that the worker is ready. */
const readyId = 0;
/** The id of an error that answers no call. */
const reportId = -1;
const closeMethod = 'close';

/** Calls handed to the worker's code together at most, so that one fsync serves all of them. */
const groupMax = 64;

type WorkerService = {
  /** Gets calls in the order in which they arrived, and ends each of them. */
  answer(calls: readonly Call[]): void;
  close(): Promise<void>;
};

/** Codes after which every further write would be lost or would do harm. */
const fatalCodes: ReadonlySet<string> = new Set([damagedCode, misplacedCode]);

/**
 * The worker's side. `start` opens what the worker needs. An error that it throws rejects the
 * client's `ready`. Later it may report errors that answer no call.
 */
export function serve(
  port: MessagePort,
  start: (report: (error: unknown) => void) => WorkerService,
): void {
  const send = (message: RpcReply<unknown>, transferred: readonly ArrayBuffer[]) =>
    port.postMessage(message, transferred);
  const asCall = ({ id, method, argument }: RpcRequest): Call => ({
    method,
    argument,
    resolve: (value) => send({ id, value }, transferableBuffers(value)),
    reject: (error) => send({ id, error: wireError(error) }, []),
  });
  try {
    const service = start((error) => send({ id: reportId, error: wireError(error) }, []));
    port.on('message', (first: RpcRequest) => {
      const group: Call[] = [];
      for (
        let next: RpcRequest | undefined = first;
        next !== undefined;
        next = group.length < groupMax ? receiveMessageOnPort(port)?.message : undefined
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

type PendingCall = { resolve(value: never): void; reject(error: unknown): void };

/** The gateway's side of one worker. */
export class WorkerClient<A extends Api> {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #onWorkerExit: (error: DependencyError) => void;
  readonly #pending = new Map<number, PendingCall>();
  readonly #ready: Promise<void>;
  readonly #exited: Promise<void>;
  #lastId = readyId;
  #wasReady = false;
  /** The error of every further call; `null` while calls are accepted. */
  #closed: DependencyError | null = null;

  /**
   * @param onWorkerExit called when a worker that was ready ends before `close`, and each time that
   *   the worker finds its file damaged, removed or replaced
   */
  constructor(worker: Worker, name: string, onWorkerExit: (error: DependencyError) => void) {
    this.#worker = worker;
    this.#name = name;
    this.#onWorkerExit = onWorkerExit;
    this.#ready = new Promise((resolve, reject) => {
      this.#pending.set(readyId, { resolve, reject });
    }).then(() => {
      this.#wasReady = true;
    });
    // `ready` reports the error. Before its first call, the rejection must not count as unhandled.
    this.#ready.catch(() => {});
    let cause: unknown;
    worker.on('message', (message: RpcReply) => this.#settle(message));
    worker.on('error', (error) => {
      cause = error;
    });
    this.#exited = new Promise((resolve) => {
      worker.once('exit', (exitCode) => {
        this.#end(exitCode, cause);
        resolve();
      });
    });
  }

  /** Resolves once the worker accepts calls; rejects with the reason why it cannot start. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /**
   * Rejects with the error that the worker threw. A class of core/errors/errors.ts is restored with
   * its code and `retryable`.
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
        { id: this.#lastId, method, argument } satisfies RpcRequest<unknown>,
        transferableBuffers(argument),
      );
    });
  }

  /** Ends the worker after all calls made before, and waits until it has ended. */
  async close(): Promise<void> {
    if (this.#closed === null) {
      this.#closed = new DependencyError('embedded', 'closed', `The ${this.#name} is closed.`, {
        retryable: false,
      });
      this.#worker.postMessage(
        { id: readyId, method: closeMethod, argument: null } satisfies RpcRequest<null>,
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
    // Further writes to a damaged file would damage more of it; those to a removed one are lost.
    const isFatal = error instanceof DependencyError && fatalCodes.has(error.code);
    if (message.id !== readyId && isFatal) this.#onWorkerExit(error);
  }

  #end(exitCode: number, cause: unknown): void {
    const detail = cause instanceof Error ? cause.message : `exit code ${exitCode}`;
    const message =
      `The ${this.#name} has stopped (${detail}): ` +
      'its last writes may or may not have been applied. Start the gateway again.';
    // Retryable although a repeated call must fail too: the items are not at fault, so none of them
    // may become a dead letter.
    const error = new DependencyError('embedded', 'worker_stopped', message, {
      retryable: true,
      cause,
    });
    const isUnexpected = this.#closed === null;
    this.#closed ??= error;
    for (const call of this.#pending.values()) call.reject(error);
    this.#pending.clear();
    if (isUnexpected && this.#wasReady) this.#onWorkerExit(error);
  }
}

/** The handler of a call, which exists unless there is a bug. */
export function handlerOf(handlers: Api, { method }: Call): (argument: never) => unknown {
  const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
  assert(handler !== undefined, `A database worker has no method ${method}`);
  return handler;
}

/** Finds the buffers to transfer: those that a view spans whole. Others hold more than the view. */
function transferableBuffers(message: unknown): ArrayBuffer[] {
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
  if (error instanceof VectorStreamError) {
    const { name, code, message, retryable } = error;
    return { name, code, message, retryable };
  }
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
