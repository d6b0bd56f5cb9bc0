// A runner's connection to a gateway over the global WebSocket, the same in Node and in browsers.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Channel } from '#core/ports.ts';
import { closeReason, subprotocol, tokenSubprotocolPrefix } from './wire.ts';

/**
 * The connection could not be opened. A WebSocket does not say why, so the message names the likely
 * causes.
 */
export class ConnectError extends VectorStreamError {
  override readonly name = 'ConnectError';
  readonly code = 'connect_failed';
  readonly retryable = true;
}

export type ConnectOptions = {
  /** `ws://` or `wss://` of a gateway; the path defaults to `/runners/connect`. */
  readonly url: string;
  readonly token: string;
  readonly signal: AbortSignal;
};

type Handlers = Parameters<Channel['listen']>[0];

/** The members of a WebSocket that are used; browsers, Node and the package `ws` all have them. */
export type Socket = {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
};

const openState = 1;

/**
 * Opens the connection. Rejects with `ConnectError` when the gateway cannot be reached or refuses
 * (a wrong token is refused before the upgrade), and with the signal's reason when that aborts
 * first. `open` makes the socket.
 */
export function connectWebSocket(
  options: ConnectOptions,
  open: (url: string, protocols: string[]) => Socket = globalSocket,
): Promise<Channel> {
  const { signal } = options;
  const url = runnerUrl(options.url);
  if (signal.aborted) return Promise.reject(signal.reason);
  const socket = open(url, [subprotocol, tokenSubprotocolPrefix + base64url(options.token)]);
  socket.binaryType = 'arraybuffer';
  const channel = new WebSocketChannel(socket);
  return new Promise((resolve, reject) => {
    const aborted = () => {
      socket.close();
      reject(signal.reason);
    };
    signal.addEventListener('abort', aborted, { once: true });
    socket.addEventListener('open', () => {
      signal.removeEventListener('abort', aborted);
      resolve(channel);
    });
    socket.addEventListener('close', () => {
      signal.removeEventListener('abort', aborted);
      reject(
        new ConnectError(
          `Cannot connect to ${url}: ` +
            'the gateway is not running there, or it refuses the runner token.',
        ),
      );
    });
  });
}

const globalSocket = (url: string, protocols: string[]): Socket => new WebSocket(url, protocols);

/** `ws://host:8080` → `ws://host:8080/runners/connect`. */
function runnerUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.pathname === '/') parsed.pathname = '/runners/connect';
  return parsed.href;
}

class WebSocketChannel implements Channel {
  readonly #socket: Socket;
  #handlers: Handlers | null = null;
  /** Events before `listen`: at most a close, because a gateway sends only after the greeting. */
  #early: ((handlers: Handlers) => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    // A `close` event follows every `error` event and says more. The package `ws` throws errors
    // that have no listener.
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#pass((handlers) => handlers.frame(data));
      else if (data instanceof ArrayBuffer)
        this.#pass((handlers) => handlers.frame(new Uint8Array(data)));
    });
    socket.addEventListener('close', ({ code, reason }) =>
      this.#pass((handlers) => handlers.closed(code, reason)),
    );
  }

  send(frame: string | Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState === openState) this.#socket.send(frame);
  }

  bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, closeReason(reason));
  }

  listen(handlers: Handlers): void {
    const early = this.#early;
    this.#handlers = handlers;
    this.#early = [];
    for (const pass of early) pass(handlers);
  }

  #pass(deliver: (handlers: Handlers) => void): void {
    if (this.#handlers === null) this.#early.push(deliver);
    else deliver(this.#handlers);
  }
}

function base64url(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) =>
    String.fromCharCode(byte),
  ).join('');
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
