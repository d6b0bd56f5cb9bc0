// Ends requests whose body arrives too slowly, because each of them occupies a slot.

import type { IncomingMessage } from 'node:http';
import { refuseOnSocket } from './problem-document.ts';

type Watched = { readonly request: IncomingMessage; since: number; bytes: number };

/** How long a body may be too slow. */
export const slowMsMax = 5_000;
const checkIntervalMs = 1_000;

/** All bodies share one timer, which stops while there are none. */
export class SlowBodies {
  readonly #bytesPerSecondMin: () => number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  constructor(bytesPerSecondMin: () => number) {
    this.#bytesPerSecondMin = bytesPerSecondMin;
  }

  watch(request: IncomingMessage): void {
    const { headers, socket } = request;
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0')
      return;
    const watched = { request, since: performance.now(), bytes: socket.bytesRead };
    this.#watched.add(watched);
    request.once('close', () => this.#watched.delete(watched));
    this.#timer ??= setInterval(() => this.#check(performance.now()), checkIntervalMs).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #check(now: number): void {
    if (this.#watched.size === 0) return this.close();
    const bytesPerSecondMin = this.#bytesPerSecondMin();
    for (const watched of this.#watched) {
      const { request, since, bytes } = watched;
      const { socket } = request;
      if (request.complete) {
        this.#watched.delete(watched);
        continue;
      }
      const received = socket.bytesRead - bytes;
      // A full buffer means that the gateway is not reading, which is not the client's fault.
      const isBlocked = request.readableLength >= request.readableHighWaterMark;
      if (isBlocked || received >= (bytesPerSecondMin * slowMsMax) / 1000) {
        Object.assign(watched, { since: now, bytes: socket.bytesRead });
      } else if (now - since >= slowMsMax) {
        this.#watched.delete(watched);
        refuseOnSocket(socket, {
          status: 408,
          code: 'body_too_slow',
          detail:
            `Request body too slow: ${received} bytes in ${slowMsMax / 1000} s; ` +
            `the minimum is ${bytesPerSecondMin} bytes/s (server.bodyBytesPerSecondMin).`,
        });
      }
    }
  }
}
