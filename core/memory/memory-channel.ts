// Joins two channels in memory: frames arrive whole, in order and asynchronously, and a test can
// freeze or cut the link.

import { assert } from '#core/errors/assert.ts';
import type { Channel } from '#core/ports.ts';

type Handlers = Parameters<Channel['listen']>[0];
type Arrival =
  | { readonly frame: string | Uint8Array }
  | { readonly code: number; readonly reason: string };

export type MemoryLink = {
  readonly near: Channel;
  readonly far: Channel;
  /** Stops all traffic: no frame and no close arrives at either end, as when a cable is pulled. */
  freeze(): void;
  /** Both ends see close code 1006, as when a process dies. */
  cut(): void;
};

export function memoryLink(): MemoryLink {
  const near = new MemoryEnd();
  const far = new MemoryEnd();
  near.peer = far;
  far.peer = near;
  return {
    near,
    far,
    freeze: () => {
      near.isFrozen = true;
      far.isFrozen = true;
    },
    cut: () => {
      near.arrive({ code: 1006, reason: '' });
      far.arrive({ code: 1006, reason: '' });
    },
  };
}

class MemoryEnd implements Channel {
  peer: MemoryEnd | null = null;
  isFrozen = false;
  #handlers: Handlers | null = null;
  #waiting: Arrival[] = [];
  #isClosed = false;
  /** This end has closed the channel, so it must send nothing more. */
  #hasClosed = false;

  send(frame: string | Uint8Array): void {
    assert(!this.#hasClosed, 'A frame was sent over a channel after it was closed');
    if (this.#isClosed) return;
    this.peer?.arrive({ frame: typeof frame === 'string' ? frame : frame.slice() });
  }

  bufferedAmount(): number {
    return 0;
  }

  close(code: number, reason: string): void {
    this.#hasClosed = true;
    if (this.#isClosed) return;
    this.peer?.arrive({ code, reason });
    this.arrive({ code, reason });
  }

  listen(handlers: Handlers): void {
    assert(this.#handlers === null, 'A channel was listened to twice');
    this.#handlers = handlers;
    queueMicrotask(() => this.#deliver());
  }

  arrive(arrival: Arrival): void {
    if (this.isFrozen) return;
    this.#waiting.push(arrival);
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (this.#handlers === null) return;
    const arrivals = this.#waiting;
    this.#waiting = [];
    for (const arrival of arrivals) {
      if (this.#isClosed) return;
      if ('frame' in arrival) {
        this.#handlers.frame(arrival.frame);
      } else {
        this.#isClosed = true;
        this.#handlers.closed(arrival.code, arrival.reason);
      }
    }
  }
}
