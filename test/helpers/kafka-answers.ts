// Loses a Kafka broker's answers to requests of one kind, after it has carried them out: told by
// the framing of Kafka's protocol.

import type { Watcher } from './fault-proxy.ts';

/** An offset commit, or a record produced to a topic of dead letters. */
export type Carried = 'commit' | 'letter';

export type KafkaAnswers = {
  /** For a fault proxy. */
  readonly watch: () => Watcher;
  /** The connection breaks before each of the next `times` answers of this kind. */
  lose(what: Carried, times: number): void;
  /** Forgets what was asked and has not come to pass. */
  keep(): void;
  /** How many were lost so far. */
  lost(what: Carried): number;
};

/** https://kafka.apache.org/protocol.html#protocol_api_keys */
const produceKey = 0;
const commitKey = 8;

export function createKafkaAnswers(): KafkaAnswers {
  const toLose = { commit: 0, letter: 0 };
  const lost = { commit: 0, letter: 0 };
  return {
    watch() {
      const kinds = new Map<number, Carried>();
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
            if (kind === undefined || toLose[kind] === 0) continue;
            toLose[kind] -= 1;
            lost[kind] += 1;
            return false;
          }
          return true;
        },
      };
    },
    lose: (what, times) => {
      toLose[what] += times;
    },
    keep: () => void Object.assign(toLose, { commit: 0, letter: 0 }),
    lost: (what) => lost[what],
  };
}

function kindOf(request: Buffer): Carried | null {
  const key = request.readInt16BE(4);
  if (key === commitKey) return 'commit';
  return key === produceKey && request.includes('.dlq') ? 'letter' : null;
}

/** Cuts what arrives into whole frames: a size of 4 bytes, and so many more. */
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
