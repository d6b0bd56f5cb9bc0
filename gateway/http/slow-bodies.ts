// Gives up requests whose body comes so slowly that they only hold a place.

import type { IncomingMessage } from 'node:http';
import { refuseOnSocket } from './problem-document.ts';

type Watched = { readonly request: IncomingMessage; since: number; bytes: number };

/** How long a body may be slow, and how often one looks. */
export const slowMsMax = 5_000;
const lookEveryMs = 1_000;

/** One timer for all, which rests while no body is on its way. */
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
    this.#timer ??= setInterval(() => this.#look(performance.now()), lookEveryMs).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(now: number): void {
    if (this.#watched.size === 0) return this.close();
    const least = this.#bytesPerSecondMin();
    for (const watched of this.#watched) {
      const { request, since, bytes } = watched;
      const { socket } = request;
      if (request.complete) {
        this.#watched.delete(watched);
        continue;
      }
      const come = socket.bytesRead - bytes;
      // A full buffer means that this side does not read: that is not the client's fault.
      const isOurs = request.readableLength >= request.readableHighWaterMark;
      if (isOurs || come >= (least * slowMsMax) / 1000) {
        Object.assign(watched, { since: now, bytes: socket.bytesRead });
      } else if (now - since >= slowMsMax) {
        this.#watched.delete(watched);
        refuseOnSocket(socket, {
          status: 408,
          code: 'body_too_slow',
          detail: `Of the body ${come} bytes came in ${slowMsMax / 1000} seconds; at least ${least} a second are asked for (server.bodyBytesPerSecondMin).`,
        });
      }
    }
  }
}
