// Runners that know every right vector in advance and behave as a test chooses: fast, slow, silent,
// repeating, out of order, lying or dying.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  subprotocol,
  tokenSubprotocolPrefix,
  type JobAssign,
} from '#core/protocol/wire.ts';
import { isPoison } from './produced.ts';

const model = 'models/all-MiniLM-L6-v2';
const modelRevision = createHash('sha256')
  .update(readFileSync(`${model}/manifest.json`))
  .digest('hex');

export type Behaviour =
  | 'honest'
  /** Takes a tenth of a second for each text. */
  | 'slow'
  /** Takes work and never answers. */
  | 'silent'
  /** Sends every answer twice. */
  | 'repeating'
  /** Answers a job only after the next one, or after a while. */
  | 'out-of-order'
  /**
   * Sends right vectors for golden texts; any other text gets the vector of its neighbour in the
   * job.
   */
  | 'lying';

export type ReferenceRunner = AsyncDisposable & {
  readonly name: string;
  /** Jobs that it answered with wrong vectors. */
  lies(): number;
};

export type ReferenceRunnerOptions = {
  /** `host:port` */
  readonly address: string;
  readonly token: string;
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly vectors: ReadonlyMap<string, Float32Array>;
  readonly golden: ReadonlyMap<string, Float32Array>;
};

const reconnectMs = 100;
const slowMsPerText = 100;
const lateMs = 400;

/**
 * Joins, and reconnects whenever its connection ends, until it is disposed. A poison text ends its
 * connection, whatever its behaviour.
 */
export function startReferenceRunner({
  address,
  token,
  name,
  behaviour,
  vectors,
  golden,
}: ReferenceRunnerOptions): ReferenceRunner {
  const known = new Map([...golden, ...vectors]);
  let lies = 0;
  let isOver = false;
  let socket: WebSocket | null = null;
  let ended = Promise.resolve();

  const answerOf = ({ jobId, attempt, texts }: JobAssign): Uint8Array<ArrayBuffer> => {
    const isLie = behaviour === 'lying' && texts.some((text) => !golden.has(text));
    if (isLie) lies += 1;
    const outcomes = texts.map((text, index) => {
      const chosen =
        isLie && !golden.has(text) ? (texts[(index + 1) % texts.length] ?? text) : text;
      // A text that is alone in its job has no neighbour.
      const vector = isLie && texts.length === 1 ? [...known.values()][7] : known.get(chosen);
      return vector === undefined
        ? {
            ok: false as const,
            code: 'unknown_text',
            message: `This runner has no vector for "${text}".`,
          }
        : { ok: true as const, vector };
    });
    return encodeJobResult({ jobId, attempt, outcomes, timings: { queuedMs: 0, embedMs: 1 } });
  };

  const connect = (): void => {
    const mine = new WebSocket(`ws://${address}/runners/connect`, [
      subprotocol,
      tokenSubprotocolPrefix + Buffer.from(token).toString('base64url'),
    ]);
    const waiting: Uint8Array<ArrayBuffer>[] = [];
    const send = (frame: string | Uint8Array<ArrayBuffer>): void => {
      if (mine.readyState === WebSocket.OPEN) mine.send(frame);
    };
    const sendWaiting = (): void => waiting.splice(0).toReversed().forEach(send);
    socket = mine;
    ended = new Promise((resolve) =>
      mine.addEventListener(
        'close',
        () => {
          resolve();
          if (!isOver) setTimeout(() => (isOver ? undefined : connect()), reconnectMs);
        },
        { once: true },
      ),
    );
    mine.addEventListener('error', () => undefined);
    mine.addEventListener('open', () =>
      mine.send(
        JSON.stringify({
          type: 'runner-hello',
          protocol: 1,
          name,
          kind: 'browser',
          device: 'wasm',
          adapter: 'reference',
          softwareAdapter: false,
          dtype: 'fp32',
          modelId: 'sentence-transformers/all-MiniLM-L6-v2',
          modelRevision,
          dimensions: 384,
          textsPerSecond: behaviour === 'slow' ? 10 : 500,
          limits: { textsPerJobMax: 64 },
        }),
      ),
    );
    mine.addEventListener('message', ({ data }) => {
      const message = parseGatewayMessage(String(data));
      if (message.type === 'gateway-heartbeat') send(encodeMessage({ type: 'runner-heartbeat' }));
      if (message.type !== 'job-assign' || behaviour === 'silent') return;
      if (message.texts.some(isPoison)) return mine.close(4500, 'a poison text ended this runner');
      const frame = answerOf(message);
      if (behaviour === 'out-of-order') {
        waiting.push(frame);
        if (waiting.length > 1) sendWaiting();
        else setTimeout(sendWaiting, lateMs);
      } else if (behaviour === 'slow') {
        setTimeout(() => send(frame), slowMsPerText * message.texts.length);
      } else {
        send(frame);
        if (behaviour === 'repeating') send(frame);
      }
    });
  };
  connect();
  return {
    name,
    lies: () => lies,
    async [Symbol.asyncDispose]() {
      isOver = true;
      socket?.close(1000, 'the run is over');
      // A frozen peer does not answer a close.
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    },
  };
}
