// Sends every event until the gateway acknowledges it: the client to whom at-least-once delivery is
// promised.

import type { Line } from './produced.ts';

export type Sending = {
  /**
   * Resolves when all is acknowledged; rejects when the gateway refuses something, or at the
   * deadline.
   */
  readonly done: Promise<void>;
  acknowledged(): number;
  /** Requests that were repeated because no answer came. */
  resent(): number;
};

const linesPerRequest = 6;
const lanes = 2;
/** The pause between two requests of a lane, so that the stream still flows while faults happen. */
const paceMs = 150;
const answerMsMax = 1_500;
const pauseMs = 100;

/** `onAcknowledged` is called for each acknowledgement. */
export function send(
  url: string,
  lines: readonly Line[],
  msMax: number,
  onAcknowledged: () => void = () => undefined,
): Sending {
  const deadline = performance.now() + msMax;
  let next = 0;
  let acknowledged = 0;
  let resent = 0;

  const post = async (body: Buffer<ArrayBuffer>): Promise<boolean> => {
    const response = await fetch(`${url}/events?on_invalid=dead_letter`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-ndjson' },
      signal: AbortSignal.timeout(answerMsMax),
    });
    const text = await response.text();
    if (response.status === 202) {
      onAcknowledged();
      return true;
    }
    if (response.status === 429 || response.status >= 500) return false;
    throw new TypeError(`The gateway refused valid events with ${response.status}: ${text}`);
  };
  const lane = async (): Promise<void> => {
    while (next < lines.length) {
      const part = lines.slice(next, (next += linesPerRequest));
      const body = Buffer.concat(part.flatMap(({ bytes }) => [bytes, Buffer.from('\n')]));
      for (let attempt = 1; ; attempt++) {
        if (performance.now() > deadline)
          throw new Error(
            `Only ${acknowledged} of ${lines.length} events were acknowledged in ${msMax} ms.`,
          );
        if (await post(body).catch((error: unknown) => refusal(error))) break;
        resent += 1;
        await new Promise((resolve) => setTimeout(resolve, pauseMs * Math.min(attempt, 5)));
      }
      acknowledged += part.length;
      await new Promise((resolve) => setTimeout(resolve, paceMs));
    }
  };
  return {
    done: Promise.all(Array.from({ length: lanes }, lane)).then(() => undefined),
    acknowledged: () => acknowledged,
    resent: () => resent,
  };
}

/** No answer is not a refusal. */
function refusal(error: unknown): false {
  if (error instanceof TypeError && error.message.startsWith('The gateway refused')) throw error;
  return false;
}
