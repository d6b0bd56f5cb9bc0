// Holds request bodies in memory within two bounds: one for each body, one for all of them.

import type { Clock } from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';
import { decodedBody } from './decode-body.ts';
import { LargeBodies, type BodySlot } from './large-bodies.ts';
import { SlotRate } from './slot-rate.ts';

export type BodyLimits = {
  /** The most bytes of one body, decompressed. */
  readonly bytesMax: number;
  /** The most bytes of all bodies in memory together; at least `bytesMax`. */
  readonly bytesMaxTogether: number;
  /** Large bodies that are being read at once. */
  readonly largeAtOnce: number;
};

/** Dispose it when nothing refers to its bytes any more. */
export type Body = Disposable & { readonly bytes: Uint8Array };

/** A part of the bound for all bodies; disposing releases it. */
export type Hold = Disposable & {
  /**
   * A body that becomes large here waits for a slot.
   *
   * @throws ProblemError 429 when there is no room for these bytes, 408 when the body has a slot
   *   for which others wait, and grows too slowly.
   */
  take(bytes: number): Promise<void>;
  giveBack(bytes: number): void;
};

/** Bodies up to this size do not wait for a slot. */
export const smallBytesMax = 512 * 1024;
const waitMsMax = 10_000;

export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #large: LargeBodies;
  readonly #clock: Clock;
  #inHand = 0;

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#large = new LargeBodies(
      { atOnce: limits.largeAtOnce, bytesMax: limits.bytesMax, waitMsMax },
      clock,
    );
  }

  /** @throws ProblemError as `decodedBody` and `Hold.take` do. */
  async read(request: Request): Promise<Body> {
    const hold = this.#hold(request.signal);
    let chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.chunks(request)) {
        await hold.take(chunk.length);
        const buffer = hold.buffer();
        if (buffer === null) {
          chunks.push(chunk);
        } else {
          if (chunks.length > 0) buffer.set(Buffer.concat(chunks));
          chunks = [];
          buffer.set(chunk, size);
        }
        size += chunk.length;
      }
      const buffer = hold.buffer();
      const bytes = buffer === null ? Buffer.concat(chunks) : Buffer.from(buffer.subarray(0, size));
      hold.leave();
      return { bytes, [Symbol.dispose]: hold[Symbol.dispose] };
    } catch (error) {
      hold[Symbol.dispose]();
      throw error;
    }
  }

  /** The chunks of a body as they arrive; a caller that keeps them reserves memory with `hold`. */
  chunks(request: Request): AsyncGenerator<Uint8Array, void> {
    return decodedBody(request, this.#limits.bytesMax);
  }

  hold(request: Request): Hold {
    return this.#hold(request.signal);
  }

  #hold(signal: AbortSignal): Hold & { buffer(): Buffer | null; leave(): void } {
    const { bytesMaxTogether } = this.#limits;
    let held = 0;
    let place: { readonly slot: BodySlot; readonly rate: SlotRate } | null = null;
    const leave = (): void => {
      place?.slot[Symbol.dispose]();
      place = null;
    };
    const enter = async () => {
      const slot = await this.#large.enter(signal);
      return { slot, rate: new SlotRate(this.#clock) };
    };
    const giveBack = (bytes: number): void => {
      held -= bytes;
      this.#inHand -= bytes;
      if (held <= smallBytesMax) leave();
    };
    const take = async (bytes: number): Promise<void> => {
      if (held + bytes > smallBytesMax) place ??= await enter();
      place?.rate.arrived(bytes, held, this.#large.hasWaiting);
      held += bytes;
      this.#inHand += bytes;
      if (this.#inHand <= bytesMaxTogether) return;
      throw new ProblemError({
        status: 429,
        code: 'too_many_bodies',
        detail:
          `The bodies in progress exceed ${bytesMaxTogether} bytes together. ` +
          'Send this one again.',
        retryAfter: 1,
      });
    };
    return {
      take,
      giveBack,
      leave,
      buffer: () => place?.slot.buffer ?? null,
      [Symbol.dispose]: () => giveBack(held),
    };
  }
}
