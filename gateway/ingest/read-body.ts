// Holds request bodies in memory within a bound for each and one for all that are in hand at the same time.
import { ProblemError } from '../middleware/problem.ts';
import { decodedBody } from './decode-body.ts';

export type BodyLimits = {
  /** Of one body, decompressed. */
  readonly bytesMax: number;
  /** Of all bodies that are being read or worked on, together; at least `bytesMax`. */
  readonly bytesMaxTogether: number;
};

/** Disposed when nothing refers to its bytes any more. */
export type Body = Disposable & { readonly bytes: Uint8Array };

/** A part of the common bound; disposing gives all of it back. */
export type Hold = Disposable & {
  /** Throws `ProblemError` 429 when there is no room for so many bytes more. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
};

export class BodyReader {
  readonly #limits: BodyLimits;
  #inHand = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** Whole. Throws `ProblemError` as `decodedBody` does, and 429 when there is no room for it now. */
  async read(request: Request): Promise<Body> {
    const hold = this.hold();
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of this.chunks(request)) {
        hold.take(chunk.length);
        chunks.push(chunk);
      }
    } catch (error) {
      hold[Symbol.dispose]();
      throw error;
    }
    return { bytes: Buffer.concat(chunks), [Symbol.dispose]: hold[Symbol.dispose] };
  }

  /** As they come; who keeps them takes room for them. */
  chunks(request: Request): AsyncGenerator<Uint8Array, void> {
    return decodedBody(request, this.#limits.bytesMax);
  }

  hold(): Hold {
    const { bytesMaxTogether } = this.#limits;
    let held = 0;
    const take = (bytes: number): void => {
      held += bytes;
      this.#inHand += bytes;
      if (this.#inHand <= bytesMaxTogether) return;
      throw new ProblemError({ status: 429, code: 'too_many_bodies', detail: `Bodies of more than ${bytesMaxTogether} bytes together are being worked on. Send this one again.`, retryAfter: 1 });
    };
    const giveBack = (bytes: number): void => {
      held -= bytes;
      this.#inHand -= bytes;
    };
    return { take, giveBack, [Symbol.dispose]: () => giveBack(held) };
  }
}
