// Drops a Kafka broker's answers to requests of one kind, after the broker has carried them out.
// Requests and answers are recognised by the framing of Kafka's protocol.

import type { Watcher } from './fault-proxy.ts';

/** An offset commit, or a record produced to a dead-letter topic. */
export type RequestKind = 'commit' | 'dead-letter';

export type KafkaAnswers = {
  /** For a fault proxy. */
  readonly watch: () => Watcher;
  /** The connection breaks before each of the next `times` answers of this kind. */
  drop(kind: RequestKind, times: number): void;
  /** Drops no further answers. */
  stopDropping(): void;
  /** How many answers were dropped so far. */
  dropped(kind: RequestKind): number;
};

/** https://kafka.apache.org/protocol.html#protocol_api_keys */
const produceKey = 0;
const commitKey = 8;

export function createKafkaAnswers(): KafkaAnswers {
  const toDrop = { commit: 0, 'dead-letter': 0 };
  const dropped = { commit: 0, 'dead-letter': 0 };
  return {
    watch() {
      const kinds = new Map<number, RequestKind>();
      const requests = frames();
      const answers = frames();
      return {
        sent(chunk) {
          for (const frame of requests(chunk)) {
            const kind = kindOf(frame);
            if (kind !== null) kinds.set(frame.readInt32BE(8), kind);
          }
        },
        answered(chunk) {
          for (const frame of answers(chunk)) {
            const correlation = frame.readInt32BE(4);
            const kind = kinds.get(correlation);
            kinds.delete(correlation);
            if (kind === undefined || toDrop[kind] === 0) continue;
            toDrop[kind] -= 1;
            dropped[kind] += 1;
            return false;
          }
          return true;
        },
      };
    },
    drop: (kind, times) => {
      toDrop[kind] += times;
    },
    stopDropping: () => void Object.assign(toDrop, { commit: 0, 'dead-letter': 0 }),
    dropped: (kind) => dropped[kind],
  };
}

function kindOf(request: Buffer): RequestKind | null {
  const key = request.readInt16BE(4);
  if (key === commitKey) return 'commit';
  return key === produceKey && request.includes('.dlq') ? 'dead-letter' : null;
}

/** Splits the stream into frames: a size in 4 bytes, followed by that many bytes. */
function frames(): (chunk: Buffer) => readonly Buffer[] {
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    const whole: Buffer[] = [];
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0);
      whole.push(held.subarray(0, end));
      held = held.subarray(end);
    }
    return whole;
  };
}
