// Holds request bodies in memory within a bound for each and one for all that are in hand at the
// same time.

import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';
import { decodedBody } from './decode-body.ts';
import { LargeBodies, type BodySlot } from './large-bodies.ts';

export type BodyLimits = {
  /** Of one body, decompressed. */
  readonly bytesMax: number;
  /** Of all bodies that are being read or worked on, together; at least `bytesMax`. */
  readonly bytesMaxTogether: number;
  /** Bodies that are no longer small and still being read. */
  readonly largeAtOnce: number;
};

/** Disposed when nothing refers to its bytes any more. */
export type Body = Disposable & { readonly bytes: Uint8Array };

/** A part of the common bound; disposing gives all of it back. */
export type Hold = Disposable & {
  /**
   * Waits when it has become large and is not among the few that may. Throws `ProblemError` 429
   * when there is no room for so many bytes more.
   */
  take(bytes: number): Promise<void>;
  giveBack(bytes: number): void;
};

/** Up to here bodies are read side by side. */
export const smallBytesMax = 512 * 1024;
const waitMsMax = 10_000;

export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #large: LargeBodies;
  #inHand = 0;

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#large = new LargeBodies(
      { atOnce: limits.largeAtOnce, bytesMax: limits.bytesMax, waitMsMax },
      clock,
    );
  }

  /** Whole. Throws `ProblemError` as `decodedBody` does, and 429 when there is no room for it now. */
  async read(request: Request): Promise<Body> {
    const hold = this.#hold(request.signal);
    let chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.chunks(request)) {
        await hold.take(chunk.length);
        const desk = hold.desk();
        if (desk === null) {
          chunks.push(chunk);
        } else {
          if (chunks.length > 0) desk.set(Buffer.concat(chunks));
          chunks = [];
          desk.set(chunk, size);
        }
        size += chunk.length;
      }
      const desk = hold.desk();
      const bytes = desk === null ? Buffer.concat(chunks) : Buffer.from(desk.subarray(0, size));
      hold.leave();
      return { bytes, [Symbol.dispose]: hold[Symbol.dispose] };
    } catch (error) {
      hold[Symbol.dispose]();
      throw error;
    }
  }

  /** As they come; who keeps them takes room for them. */
  chunks(request: Request): AsyncGenerator<Uint8Array, void> {
    return decodedBody(request, this.#limits.bytesMax);
  }

  hold(request: Request): Hold {
    return this.#hold(request.signal);
  }

  #hold(signal: AbortSignal): Hold & { desk(): Buffer | null; leave(): void } {
    const { bytesMaxTogether } = this.#limits;
    let held = 0;
    let place: BodySlot | null = null;
    const leave = (): void => {
      place?.[Symbol.dispose]();
      place = null;
    };
    const giveBack = (bytes: number): void => {
      held -= bytes;
      this.#inHand -= bytes;
      if (held <= smallBytesMax) leave();
    };
    const take = async (bytes: number): Promise<void> => {
      if (held + bytes > smallBytesMax) place ??= await this.#large.enter(signal);
      held += bytes;
      this.#inHand += bytes;
      if (this.#inHand <= bytesMaxTogether) return;
      throw new ProblemError({
        status: 429,
        code: 'too_many_bodies',
        detail: `Bodies of more than ${bytesMaxTogether} bytes together are being worked on. Send this one again.`,
        retryAfter: 1,
      });
    };
    return {
      take,
      giveBack,
      leave,
      desk: () => place?.desk ?? null,
      [Symbol.dispose]: () => giveBack(held),
    };
  }
}
