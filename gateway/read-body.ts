// Reads request bodies whole, within a bound for each and one for all that are in hand at the same time.
import { ProblemError } from './middleware/problem.ts';

export type BodyLimits = {
  readonly bytesMax: number;
  /** Of all bodies that are being read or worked on, together; at least `bytesMax`. */
  readonly bytesMaxTogether: number;
};

/** Disposed when nothing refers to its bytes any more. */
export type Body = Disposable & { readonly bytes: Uint8Array };

export class BodyReader {
  readonly #limits: BodyLimits;
  #inHand = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** Throws `ProblemError`: 413 for a body that is too large, 429 when there is no room for it now, 400 when it breaks off. */
  async read(request: Request): Promise<Body> {
    const { bytesMax, bytesMaxTogether } = this.#limits;
    const tooLarge = new ProblemError({ status: 413, code: 'body_too_large', detail: `The body is larger than ${bytesMax} bytes. Send it in parts.` });
    if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge;
    const chunks: Uint8Array[] = [];
    let size = 0;
    const giveBack = (): void => { this.#inHand -= size; };
    try {
      for await (const chunk of request.body ?? []) {
        chunks.push(chunk);
        size += chunk.length;
        this.#inHand += chunk.length;
        if (size > bytesMax) throw tooLarge;
        if (this.#inHand > bytesMaxTogether) {
          throw new ProblemError({ status: 429, code: 'too_many_bodies', detail: `Bodies of more than ${bytesMaxTogether} bytes together are being worked on. Send this one again.`, retryAfter: 1 });
        }
      }
    } catch (error) {
      giveBack();
      if (error instanceof ProblemError) throw error;
      throw new ProblemError({ status: 400, code: 'body_incomplete', detail: 'The connection ended before the whole body had come.' });
    }
    return { bytes: Buffer.concat(chunks), [Symbol.dispose]: giveBack };
  }
}
