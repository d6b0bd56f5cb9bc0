// Joins the gateway of this page from inside the worker, with the runner loop that all runners use.
// Closes the connection at once when the network goes or the machine sleeps.

import type { Channel, Embedder } from '#core/ports.ts';
import type { RunnerLog } from '#core/protocol/runner-loop.ts';
import { keepConnected, RunnerRefusedError } from '#core/protocol/runner-reconnect.ts';
import { ConnectError, connectWebSocket } from '#core/protocol/websocket-channel.ts';
import { closeCode } from '#core/protocol/wire.ts';
import { systemClock } from '#core/time/clock.ts';
import { DutyCycle } from '#core/time/duty-cycle.ts';
import { always } from '#core/time/fair-queue.ts';
import { tokenProblem } from '../token-check.ts';
import type { ServeEvent, ServeRequest } from './worker-messages.ts';

export type Serving = {
  /**
   * Resolves once drained. Rejects with `RunnerRefusedError`, or with `RunnerFailedError` when the
   * session failed.
   */
  readonly ended: Promise<void>;
  setShare(share: number): void;
};

export function serveGateway(
  embedder: Embedder,
  { url, token, name, share }: ServeRequest,
  onEvent: (event: ServeEvent) => void,
  drain: AbortSignal,
): Serving {
  const turn = new DutyCycle(always, systemClock);
  turn.share = share;
  let isBusy = false;
  let channel: CuttableChannel | null = null;
  const reporting: Embedder = {
    info: embedder.info,
    async embed(texts) {
      isBusy = true;
      onEvent({ kind: 'working', texts: texts.length });
      const startedAt = performance.now();
      const outcomes = await embedder.embed(texts);
      onEvent({
        kind: 'job',
        texts: outcomes.filter(({ ok }) => ok).length,
        ms: performance.now() - startedAt,
      });
      isBusy = false;
      return outcomes;
    },
    [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
  };
  const stopWatching = watchForBreaks(
    () => isBusy,
    (reason) => channel?.cut(reason),
  );
  const ended = keepConnected({
    connect: async (signal) => {
      const problem = await tokenProblem(token, signal);
      if (problem?.kind === 'refused')
        throw new RunnerRefusedError(closeCode.tokenRevoked, problem.message);
      if (problem?.kind === 'unreachable') throw new ConnectError(problem.message);
      channel = new CuttableChannel(await connectWebSocket({ url, token, signal }));
      return channel;
    },
    embedder: reporting,
    turn,
    clock: systemClock,
    random: Math.random,
    name,
    kind: 'browser',
    drain,
    log: eventLog(onEvent),
  }).finally(stopWatching);
  return {
    ended,
    setShare: (value) => {
      turn.share = value;
    },
  };
}

/** Turns what the runner loop logs into events for the page. */
function eventLog(onEvent: (event: ServeEvent) => void): RunnerLog {
  return {
    debug: () => undefined,
    info: (fields) => {
      if ('runner_id' in fields) onEvent({ kind: 'joined', runnerId: String(fields.runner_id) });
    },
    warn: (fields, message) => {
      const reason = reasonIn(fields);
      onEvent({ kind: 'lost', message: reason === '' ? message : `${message}: ${reason}` });
    },
  };
}

function reasonIn(fields: object): string {
  if ('reason' in fields && fields.reason !== '') return String(fields.reason);
  if ('error' in fields) return String(fields.error);
  return 'code' in fields ? `code ${String(fields.code)}` : '';
}

/** A channel that can be closed at once, without waiting for a network that is gone. */
class CuttableChannel implements Channel {
  readonly #channel: Channel;
  #closed: (code: number, reason: string) => void = () => undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  send(frame: string | Uint8Array): void {
    this.#channel.send(frame);
  }

  bufferedAmount(): number {
    return this.#channel.bufferedAmount();
  }

  close(code: number, reason: string): void {
    this.#channel.close(code, reason);
  }

  listen(handlers: Parameters<Channel['listen']>[0]): void {
    let isOpen = true;
    this.#closed = (code, reason) => {
      if (!isOpen) return;
      isOpen = false;
      handlers.closed(code, reason);
    };
    this.#channel.listen({
      frame: (frame) => {
        if (isOpen) handlers.frame(frame);
      },
      closed: (code, reason) => this.#closed(code, reason),
    });
  }

  cut(reason: string): void {
    this.#closed(closeCode.timeout, reason);
    this.#channel.close(closeCode.timeout, reason);
  }
}

const tickMs = 1_000;
/**
 * A tick that is later than this means that the machine or the tab slept, so long that the gateway
 * has already dropped this runner.
 */
const sleptMsMin = 15_000;

/**
 * Calls `onBreak` when the machine or the tab has slept, or when the network goes. Inference delays
 * ticks as well, so a late tick around work does not count as sleep. Returns a function that ends
 * the watch.
 */
function watchForBreaks(isBusy: () => boolean, onBreak: (reason: string) => void): () => void {
  let lastTick = Date.now();
  let wasBusy = false;
  const timer = setInterval(() => {
    const sleptMs = Date.now() - lastTick - tickMs;
    lastTick = Date.now();
    if (sleptMs >= sleptMsMin && !wasBusy && !isBusy())
      onBreak(`the computer or the tab slept for ${Math.round(sleptMs / 1000)} s`);
    wasBusy = isBusy();
  }, tickMs);
  const offline = (): void => onBreak('the network is gone');
  addEventListener('offline', offline);
  return () => {
    clearInterval(timer);
    removeEventListener('offline', offline);
  };
}
