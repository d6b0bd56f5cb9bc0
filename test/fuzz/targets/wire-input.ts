// Any frame of the runner protocol, text or binary: a message that encodes back to itself, or a
// ProtocolError.

import { decodeJobResult, encodeJobResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  parseRunnerMessage,
  ProtocolError,
  wireLimits,
} from '#core/protocol/wire.ts';
import { allowing, assert, equal, oneLine } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

const covers = /\/core\/(protocol\/(wire|job-result-frame)|vectors\/vector)\.ts/;
const members = [
  'type',
  'jobId',
  'attempt',
  'outcomes',
  'timings',
  'queuedMs',
  'embedMs',
  'ok',
  'tokens',
  'code',
  'message',
];
/** Of the vectors in `wire-frame`. */
const dimensions = 3;

export const wireMessage: Target = {
  name: 'wire-message',
  covers,
  words: [
    ...members,
    'runner-hello',
    'runner-welcome',
    'job-assign',
    'runner-drain',
    'runner-error',
    'runner-heartbeat',
    'gateway-heartbeat',
    'protocol',
    'dimensions',
    'limits',
    'textsPerJobMax',
    'texts',
    'deadlineMs',
    'retryable',
    'webgpu',
    'browser',
  ],
  run(input) {
    const frame = input.toString();
    for (const parse of [parseRunnerMessage, parseGatewayMessage]) {
      const read = allowing(ProtocolError, () => parse(frame));
      if ('refusal' in read) oneLine(read.refusal.message, 1000);
      else
        equal(
          encodeMessage(parse(encodeMessage(read.value))),
          encodeMessage(read.value),
          'a message survives encoding and decoding',
        );
    }
  },
};

export const wireFrame: Target = {
  name: 'wire-frame',
  covers,
  words: [
    ...members,
    '{"ok":true},',
    '{"ok":false,"code":"c","message":"m"},',
    '    ',
    '\u0000\u0000\u0080?',
    '\u0000\u0000\u00c0\u007f',
  ],
  run(input) {
    // In the middle of a larger buffer, as sockets deliver frames; no neighbouring bytes may
    // appear.
    const around = Buffer.alloc(input.length + 13, 0x7f);
    around.set(input, 5);
    const read = allowing(ProtocolError, () =>
      decodeJobResult(around.subarray(5, 5 + input.length), dimensions),
    );
    if ('refusal' in read) return oneLine(read.refusal.message, 1000);
    const result = read.value;
    assert(
      result.outcomes.length >= 1 && result.outcomes.length <= wireLimits.textsPerJobMax,
      'there are 1 to 512 outcomes',
    );
    const vectors = result.outcomes.flatMap((outcome) => (outcome.ok ? [outcome.vector] : []));
    assert(
      vectors.every(
        (vector) => vector.length === dimensions && vector.buffer.byteLength === dimensions * 4,
      ),
      'vectors are copies of their length',
    );
    const bytes = Buffer.concat(vectors.map((vector) => new Uint8Array(vector.buffer)));
    assert(
      bytes.equals(input.subarray(input.length - bytes.length)),
      'the vectors are the bytes at the end of the frame',
    );
    equal(
      decodeJobResult(encodeJobResult(result), dimensions),
      result,
      'a result survives encoding and decoding',
    );
  },
};
