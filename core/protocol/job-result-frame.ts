// The job-result frame: a JSON header with one outcome per text, then the vectors of the successful
// ones. A frame is never read past its bounds.

import { z } from 'zod';
import { assert } from '#core/errors/assert.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import { clip, ProtocolError, wireLimits } from './wire.ts';

const header = z.object({
  jobId: z.string().min(1).max(100),
  attempt: z.int().min(1),
  outcomes: z
    .array(
      z.discriminatedUnion('ok', [
        z.object({
          ok: z.literal(true),
          tokens: z
            .int()
            .min(0)
            .max(wireLimits.textCharsMax * 4)
            .optional(),
        }),
        z.object({
          ok: z.literal(false),
          code: z.string().min(1).max(64),
          message: z.string().max(wireLimits.failureMessageCharsMax),
        }),
      ]),
    )
    .min(1)
    .max(wireLimits.textsPerJobMax),
  timings: z.object({ queuedMs: z.number().nonnegative(), embedMs: z.number().nonnegative() }),
});

export type JobTimings = { readonly queuedMs: number; readonly embedMs: number };

export type JobResult = {
  readonly jobId: string;
  readonly attempt: number;
  /** One per text of the job, in order. */
  readonly outcomes: readonly EmbedOutcome[];
  readonly timings: JobTimings;
};

/** `vectorProblem` says what is wrong with the first vector that is not a valid one, or `null`. */
export type DecodedResult = JobResult & { readonly vectorProblem: string | null };

const lengthBytes = 4;
const space = 0x20;
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * The bytes of the frame: the header's length (uint32, little-endian); the header, padded with
 * spaces to a multiple of 4; `dimensions` float32 (little-endian) for each success.
 */
export function encodeJobResult(result: JobResult): Uint8Array<ArrayBuffer> {
  const vectors = result.outcomes.flatMap((outcome) => (outcome.ok ? [outcome.vector] : []));
  const json = new TextEncoder().encode(
    JSON.stringify({
      jobId: result.jobId,
      attempt: result.attempt,
      outcomes: result.outcomes.map((outcome) =>
        outcome.ok
          ? { ok: true, tokens: outcome.tokens }
          : {
              ok: false,
              code: clip(outcome.code, 64) || 'unknown',
              message: clip(outcome.message, wireLimits.failureMessageCharsMax),
            },
      ),
      timings: result.timings,
    }),
  );
  const headerLength = Math.ceil(json.length / 4) * 4;
  assert(
    headerLength <= wireLimits.headerBytesMax,
    `A job-result header of ${headerLength} bytes is too long`,
  );
  const floats = vectors.reduce((sum, vector) => sum + vector.length, 0);
  const frame = new Uint8Array(lengthBytes + headerLength + floats * 4);
  assert(
    frame.length <= wireLimits.frameBytesMax,
    `A job-result frame of ${frame.length} bytes is too long`,
  );
  const view = new DataView(frame.buffer);
  view.setUint32(0, headerLength, true);
  frame.set(json, lengthBytes);
  frame.fill(space, lengthBytes + json.length, lengthBytes + headerLength);
  let at = lengthBytes + headerLength;
  for (const vector of vectors) {
    if (littleEndian) new Float32Array(frame.buffer, at, vector.length).set(vector);
    else vector.forEach((value, index) => view.setFloat32(at + index * 4, value, true));
    at += vector.length * 4;
  }
  return frame;
}

/**
 * Reads a job-result frame whose vectors have `dimensions` each. The vectors are copies, so they
 * keep no large frame alive, and the buffer may be unaligned (those of Node's `ws` are).
 *
 * @throws ProtocolError and nothing else.
 */
export function decodeJobResult(frame: Uint8Array, dimensions: number): DecodedResult {
  if (frame.length > wireLimits.frameBytesMax) {
    throw new ProtocolError(
      `A job-result frame has ${frame.length} bytes; ` +
        `at most ${wireLimits.frameBytesMax} are allowed.`,
    );
  }
  if (frame.length < lengthBytes) {
    throw new ProtocolError(
      `A job-result frame has ${frame.length} bytes: too short to hold its header's length.`,
    );
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const headerLength = view.getUint32(0, true);
  if (
    headerLength % 4 !== 0 ||
    headerLength > wireLimits.headerBytesMax ||
    lengthBytes + headerLength > frame.length
  ) {
    throw new ProtocolError(
      `A job-result frame of ${frame.length} bytes names a header of ${headerLength}: ` +
        `it must be a multiple of 4, at most ${wireLimits.headerBytesMax}, and inside the frame.`,
    );
  }
  const { jobId, attempt, outcomes, timings } = parseHeader(
    frame.subarray(lengthBytes, lengthBytes + headerLength),
  );
  let at = lengthBytes + headerLength;
  const successes = outcomes.reduce((count, outcome) => count + (outcome.ok ? 1 : 0), 0);
  const expected = at + successes * dimensions * 4;
  if (frame.length !== expected) {
    throw new ProtocolError(
      `A job-result frame with ${successes} vectors of ${dimensions} dimensions ` +
        `must have ${expected} bytes; this one has ${frame.length}.`,
    );
  }
  let problem: string | null = null;
  const decoded = outcomes.map((outcome): EmbedOutcome => {
    if (!outcome.ok) return outcome;
    const vector = readVector(view, at, dimensions);
    at += dimensions * 4;
    problem ??= vectorProblem(vector, dimensions);
    return { ok: true, vector, ...(outcome.tokens !== undefined && { tokens: outcome.tokens }) };
  });
  return { jobId, attempt, outcomes: decoded, timings, vectorProblem: problem };
}

function parseHeader(bytes: Uint8Array): z.infer<typeof header> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ProtocolError('The header of a job-result frame is not JSON in UTF-8.', { cause });
  }
  const result = header.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.map(String).join('.');
  throw new ProtocolError(
    `The header of a job-result frame is wrong: ${path}: ${issue?.message.slice(0, 150)}.`,
  );
}

function readVector(view: DataView, at: number, dimensions: number): Float32Array {
  if (littleEndian) {
    const start = view.byteOffset + at;
    return new Float32Array(view.buffer.slice(start, start + dimensions * 4));
  }
  return Float32Array.from({ length: dimensions }, (_, index) =>
    view.getFloat32(at + index * 4, true),
  );
}
