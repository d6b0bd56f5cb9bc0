// The runner protocol's frames: encoding and decoding give back the same, and anything else is
// refused with a ProtocolError.

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EmbedOutcome } from '#core/ports.ts';
import {
  decodeJobResult,
  encodeJobResult,
  type JobResult,
} from '#core/protocol/job-result-frame.ts';
import { programVersion } from '#core/protocol/program-version.ts';
import {
  clip,
  closeReason,
  encodeMessage,
  parseGatewayMessage,
  parseRunnerMessage,
  ProtocolError,
  textsPerJobMax,
  wireLimits,
  type RunnerHello,
} from '#core/protocol/wire.ts';
import packageJson from '../../package.json' with { type: 'json' };

const hello: RunnerHello = {
  type: 'runner-hello',
  protocol: 1,
  name: 'cpu-1',
  kind: 'node',
  device: 'cpu',
  adapter: 'A CPU',
  softwareAdapter: false,
  dtype: 'q8',
  modelId: 'model',
  modelRevision: 'abc',
  dimensions: 4,
  textsPerSecond: 100,
  limits: { textsPerJobMax: 512 },
};

function unit(values: readonly number[]): Float32Array {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

const unitVector = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
  .filter((values) => Math.hypot(...values) > 0.1)
  .map(unit);
const outcome: fc.Arbitrary<EmbedOutcome> = fc.oneof(
  unitVector.map((vector) => ({ ok: true as const, vector })),
  fc.record({
    ok: fc.constant(true as const),
    vector: unitVector,
    tokens: fc.integer({ min: 0, max: 100_000 }),
  }),
  fc.record({
    ok: fc.constant(false as const),
    code: fc.stringMatching(/^[a-z_]{1,20}$/),
    message: fc.string({ unit: 'grapheme', maxLength: 20 }),
  }),
);
const jobResult: fc.Arbitrary<JobResult> = fc.record({
  jobId: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  attempt: fc.integer({ min: 1, max: 1000 }),
  outcomes: fc.array(outcome, { minLength: 1, maxLength: 20 }),
  timings: fc.record({ queuedMs: fc.nat(), embedMs: fc.nat() }),
});

/** `refused`: with a ProtocolError. Any other error passes through and fails the test. */
function refusedOrRead(read: () => unknown): 'read' | 'refused' {
  try {
    read();
    return 'read';
  } catch (error) {
    if (error instanceof ProtocolError) return 'refused';
    throw error;
  }
}

function job(texts: string[]): string {
  return JSON.stringify({ type: 'job-assign', jobId: '1', attempt: 1, deadlineMs: 1, texts });
}

function fill(count: number): string[] {
  return Array.from({ length: count }, () => 'a');
}

const eitherWay = ['read', 'refused'];

describe('control messages', () => {
  test('are decoded as they were sent', () => {
    expect(parseRunnerMessage(encodeMessage(hello))).toEqual(hello);
    const assign = {
      type: 'job-assign' as const,
      jobId: 'job-1',
      attempt: 2,
      deadlineMs: 20_000,
      texts: ['a', '\ud800 lone', '日本'],
    };
    expect(parseGatewayMessage(encodeMessage(assign))).toEqual(assign);
  });

  test('that belong to the other side are refused', () => {
    expect(() => parseGatewayMessage(encodeMessage(hello))).toThrow(ProtocolError);
    expect(() =>
      parseRunnerMessage(
        '{"type":"job-assign","jobId":"1","attempt":1,"deadlineMs":1,"texts":["a"]}',
      ),
    ).toThrow(ProtocolError);
  });

  test('over a limit are refused; at the limit they are accepted', () => {
    expect(refusedOrRead(() => parseGatewayMessage(job(fill(wireLimits.textsPerJobMax))))).toBe(
      'read',
    );
    expect(refusedOrRead(() => parseGatewayMessage(job(fill(wireLimits.textsPerJobMax + 1))))).toBe(
      'refused',
    );
    expect(
      refusedOrRead(() => parseGatewayMessage(job(['x'.repeat(wireLimits.textCharsMax)]))),
    ).toBe('read');
    expect(
      refusedOrRead(() => parseGatewayMessage(job(['x'.repeat(wireLimits.textCharsMax + 1)]))),
    ).toBe('refused');
    expect(refusedOrRead(() => parseRunnerMessage(' '.repeat(wireLimits.frameBytesMax + 1)))).toBe(
      'refused',
    );
  });

  test('lose unknown fields, so that a newer peer may add some', () => {
    expect(
      parseRunnerMessage(
        JSON.stringify({ ...hello, battery: 0.5, limits: { ...hello.limits, more: 1 } }),
      ),
    ).toEqual(hello);
  });

  test('with arbitrary text or JSON end in a message or a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .record({
              type: fc.constantFrom('runner-hello', 'job-assign', 'runner-drain', '__proto__'),
              texts: fc.anything(),
            })
            .map((value) => JSON.stringify(value) ?? ''),
        ),
        (frame) => {
          expect(eitherWay).toContain(refusedOrRead(() => parseRunnerMessage(frame)));
          expect(eitherWay).toContain(refusedOrRead(() => parseGatewayMessage(frame)));
        },
      ),
    );
  });

  test('with deep nesting are refused without recursion', () => {
    expect(refusedOrRead(() => parseRunnerMessage('['.repeat(1_000_000)))).toBe('refused');
    expect(
      refusedOrRead(() => parseRunnerMessage('{"type":'.repeat(50_000) + '1' + '}'.repeat(50_000))),
    ).toBe('refused');
  });
});

describe('job-result frames', () => {
  test('are decoded as they were sent, at any position in a larger buffer', () => {
    fc.assert(
      fc.property(jobResult, fc.nat(7), (result, offset) => {
        const frame = encodeJobResult(result);
        const larger = new Uint8Array(frame.length + offset);
        larger.set(frame, offset);
        const { vectorProblem, ...decoded } = decodeJobResult(larger.subarray(offset), 4);
        expect(vectorProblem).toBeNull();
        expect(decoded).toEqual(result);
      }),
    );
  });

  test.each([-1, 1.5, 1e9])('%d is not a valid number of tokens', (tokens) => {
    const frame = encodeJobResult({
      jobId: '1',
      attempt: 1,
      outcomes: [{ ok: true, vector: unit([1, 0, 0, 0]), tokens }],
      timings: { queuedMs: 0, embedMs: 1 },
    });
    expect(() => decodeJobResult(frame, 4)).toThrow(ProtocolError);
  });

  test('hold little-endian vectors that start at a multiple of 4', () => {
    const frame = encodeJobResult({
      jobId: '1',
      attempt: 1,
      outcomes: [{ ok: true, vector: unit([1, 0, 0, 0]) }],
      timings: { queuedMs: 0, embedMs: 1 },
    });
    const view = new DataView(frame.buffer);
    const start = 4 + view.getUint32(0, true);
    expect(start % 4).toBe(0);
    expect([0, 4, 8, 12].map((at) => view.getFloat32(start + at, true))).toEqual([1, 0, 0, 0]);
  });

  test('equal the documented bytes', async () => {
    const page = await readFile(new URL('../../docs/runner-protocol.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+) {2}/gm)];
    const shown = Uint8Array.from(
      rows.flatMap(([, row = '']) => row.trim().split(/ +/)),
      (byte) => Number.parseInt(byte, 16),
    );
    const result: JobResult = {
      jobId: 'job-7',
      attempt: 1,
      outcomes: [
        { ok: true, vector: Float32Array.of(0.6, 0, -0.8, 0) },
        { ok: false, code: 'text_not_tokenisable', message: 'no token is left' },
      ],
      timings: { queuedMs: 0, embedMs: 12.5 },
    };
    expect(encodeJobResult(result)).toEqual(shown);
    expect(decodeJobResult(shown, 4)).toEqual({ ...result, vectorProblem: null });
  });

  test('that are cut, extended or of other dimensions are refused', () => {
    fc.assert(
      fc.property(
        jobResult,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 9 }),
        (result, share, extra) => {
          const frame = encodeJobResult(result);
          expect(
            refusedOrRead(() =>
              decodeJobResult(frame.subarray(0, Math.floor(frame.length * share)), 4),
            ),
          ).toBe('refused');
          const longer = new Uint8Array(frame.length + extra);
          longer.set(frame);
          expect(refusedOrRead(() => decodeJobResult(longer, 4))).toBe('refused');
          expect(refusedOrRead(() => decodeJobResult(frame, 5))).toBe(
            result.outcomes.some(({ ok }) => ok) ? 'refused' : 'read',
          );
        },
      ),
    );
  });

  test('with random bytes or flipped bits throw only a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(eitherWay).toContain(refusedOrRead(() => decodeJobResult(bytes, 4)));
      }),
    );
    fc.assert(
      fc.property(jobResult, fc.nat(), fc.integer({ min: 1, max: 255 }), (result, at, mask) => {
        const frame = encodeJobResult(result);
        const index = at % frame.length;
        frame[index] = (frame[index] ?? 0) ^ mask;
        expect(eitherWay).toContain(refusedOrRead(() => decodeJobResult(frame, 4)));
      }),
    );
  });

  test('with a header beyond the frame or the limit are refused before it is read', () => {
    for (const length of [5, 0xffff_fffc, wireLimits.headerBytesMax + 4, 400]) {
      const frame = new Uint8Array(64);
      new DataView(frame.buffer).setUint32(0, length, true);
      expect(refusedOrRead(() => decodeJobResult(frame, 4))).toBe('refused');
    }
    expect(
      refusedOrRead(() => decodeJobResult(new Uint8Array(wireLimits.frameBytesMax + 1), 4)),
    ).toBe('refused');
  });

  test.each([
    ['NaN', Float32Array.of(NaN, 0, 0, 0)],
    ['infinite', Float32Array.of(Infinity, 0, 0, 0)],
    ['zero', Float32Array.of(0, 0, 0, 0)],
    ['not unit', Float32Array.of(1, 1, 0, 0)],
  ])('report a vector that is %s as a problem', (_, vector) => {
    const frame = encodeJobResult({
      jobId: '1',
      attempt: 1,
      outcomes: [
        { ok: true, vector: unit([1, 2, 3, 4]) },
        { ok: true, vector },
      ],
      timings: { queuedMs: 0, embedMs: 1 },
    });
    expect(decodeJobResult(frame, 4).vectorProblem).toMatch(/vector/);
  });

  test('the largest allowed job fits into one frame at any dimension', () => {
    const failure = {
      ok: false as const,
      code: 'c'.repeat(64),
      message: '\u0000'.repeat(wireLimits.failureMessageCharsMax),
    };
    const frame = encodeJobResult({
      jobId: '1',
      attempt: 1,
      outcomes: Array.from({ length: wireLimits.textsPerJobMax }, () => failure),
      timings: { queuedMs: 0, embedMs: 1 },
    });
    expect(decodeJobResult(frame, 4).outcomes).toHaveLength(wireLimits.textsPerJobMax);
    for (const dimensions of [1, 384, 7680, wireLimits.dimensionsMax]) {
      expect(textsPerJobMax(dimensions)).toBeGreaterThanOrEqual(1);
      expect(
        4 + wireLimits.headerBytesMax + textsPerJobMax(dimensions) * dimensions * 4,
      ).toBeLessThanOrEqual(wireLimits.frameBytesMax);
    }
  });
});

test('a close reason fits its frame and never ends inside a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
      const reason = closeReason(text);
      expect(new TextEncoder().encode(reason).length).toBeLessThanOrEqual(123);
      expect(reason.isWellFormed()).toBe(true);
      expect(clip(text, 10).isWellFormed()).toBe(true);
    }),
  );
});

test('a runner tells the version of package.json, and an older one none', () => {
  expect(programVersion).toBe(packageJson.version);
  const told = { ...hello, version: programVersion };
  expect(parseRunnerMessage(JSON.stringify(told))).toEqual(told);
  expect(parseRunnerMessage(JSON.stringify(hello))).not.toHaveProperty('version');
});
