// The gateway's side of a connection: no runner works unchecked, and a wrong or silent runner is
// closed with a code that says why.

import { describe, expect, test } from 'vitest';
import type { EmbedOutcome } from '#core/ports.ts';
import { GatewaySession, type SessionEffect } from '#core/protocol/gateway-session.ts';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import { encodeMessage, type RunnerHello, type RunnerMessage } from '#core/protocol/wire.ts';
import { bounds, dimensions, fakeVector, golden, identity } from '../helpers/fake-model.ts';

const options = {
  identity,
  golden,
  bounds,
  helloTimeoutMs: 1000,
  heartbeatMs: 100,
  drainGraceMs: 300,
  refusal: () => null,
};
const hello: RunnerHello = {
  type: 'runner-hello',
  protocol: 1,
  name: 'cpu-1',
  kind: 'node',
  device: 'cpu',
  adapter: '',
  softwareAdapter: false,
  dtype: 'fp32',
  ...identity,
  textsPerSecond: 100,
  limits: { textsPerJobMax: 512 },
};
const right: readonly EmbedOutcome[] = golden.cases.map(({ text }) => ({
  ok: true,
  vector: fakeVector(text),
}));
const timings = { queuedMs: 0, embedMs: 1 };

function tell(session: GatewaySession, message: RunnerMessage, now = 0): readonly SessionEffect[] {
  return session.receive(encodeMessage(message), now);
}

function readySession(): GatewaySession {
  const session = new GatewaySession('s', options, 0);
  tell(session, hello);
  session.checked(right, 1_000_000);
  return session;
}

describe('greeting', () => {
  test('a valid hello is welcomed, joined and checked before the runner may work', () => {
    const session = new GatewaySession('s', options, 0);
    const effects = tell(session, hello);
    expect(effects.map((effect) => effect.do)).toEqual(['send', 'join', 'check']);
    expect(effects[0]).toMatchObject({ frame: expect.stringContaining('"type":"runner-welcome"') });
    expect(session.state).toBe('checking');
    expect(session.checked(right, 1_000_000)).toEqual([{ do: 'serve' }]);
    expect(session.state).toBe('ready');
    expect(session.checkedAt).toBe(1_000_000);
    expect(session.lastGoldenCosine?.min).toBeCloseTo(1, 5);
  });

  test.each([
    ['another model', { modelId: 'other' }, 4409],
    ['another revision', { modelRevision: 'beef' }, 4409],
    ['other dimensions', { dimensions: 9 }, 4409],
    ['another protocol', { protocol: 2 }, 4400],
    ['jobs too small for the golden check', { limits: { textsPerJobMax: 1 } }, 4400],
  ])('%s is refused', (_, wrong, code) => {
    const session = new GatewaySession('s', options, 0);
    expect(tell(session, { ...hello, ...wrong })).toMatchObject([{ do: 'close', code }]);
    expect(tell(session, hello)).toEqual([]);
  });

  test('a runner of a compatible revision is welcomed', () => {
    const compatible = { ...options.identity, compatibleRevisions: ['older'] };
    const session = new GatewaySession('s', { ...options, identity: compatible }, 0);
    expect(tell(session, { ...hello, modelRevision: 'older' }).map((effect) => effect.do)).toEqual([
      'send',
      'join',
      'check',
    ]);
  });

  test('another first message, or a second hello, is refused with 4400', () => {
    expect(tell(new GatewaySession('s', options, 0), { type: 'runner-heartbeat' })).toMatchObject([
      { do: 'close', code: 4400 },
    ]);
    expect(new GatewaySession('s', options, 0).receive(new Uint8Array(10), 0)).toMatchObject([
      { do: 'close', code: 4400 },
    ]);
    expect(tell(readySession(), hello)).toMatchObject([{ do: 'close', code: 4400 }]);
  });

  test('a connection without a hello in time is closed with 4408', () => {
    const session = new GatewaySession('s', options, 0);
    expect(session.tick(999, false)).toEqual([]);
    expect(session.tick(1000, false)).toMatchObject([{ do: 'close', code: 4408 }]);
  });
});

describe('trust', () => {
  test.each<[string, (outcome: EmbedOutcome, index: number) => EmbedOutcome]>([
    [
      'one golden text embedded as another',
      (outcome, index) =>
        index === 1 ? { ok: true, vector: fakeVector('something else') } : outcome,
    ],
    [
      'all golden texts with the opposite direction',
      (outcome) =>
        outcome.ok ? { ok: true, vector: outcome.vector.map((value) => -value) } : outcome,
    ],
    [
      'a golden text not embedded',
      (outcome, index) => (index === 2 ? { ok: false, code: 'x', message: 'x' } : outcome),
    ],
  ])('%s ends in quarantine, with the reason', (_, change) => {
    const session = new GatewaySession('s', options, 0);
    tell(session, hello);
    expect(session.checked(right.map(change), 0)).toMatchObject([
      {
        do: 'close',
        code: 4403,
        blame: false,
        reason: expect.stringMatching(/cosine to the reference: mean|golden text 3 of 3/),
      },
    ]);
    expect(session.state).toBe('quarantined');
  });

  test('too few outcomes fail the check', () => {
    const session = new GatewaySession('s', options, 0);
    tell(session, hello);
    expect(session.checked(right.slice(1), 0)).toMatchObject([{ do: 'close', code: 4403 }]);
  });

  test.each([
    ['NaN', () => NaN],
    ['zeroed', () => 0],
    ['scaled', (value: number) => value * 2],
  ])('a vector that is %s is rejected, and its runner is quarantined', (_, change) => {
    const frame = encodeJobResult({
      jobId: 'job-1',
      attempt: 1,
      outcomes: [{ ok: true, vector: fakeVector('a').map(change) }],
      timings,
    });
    expect(readySession().receive(frame, 1)).toMatchObject([
      { do: 'close', code: 4403, blame: true },
    ]);
  });

  test('a vector of another dimension is rejected', () => {
    const frame = encodeJobResult({
      jobId: 'job-1',
      attempt: 1,
      outcomes: [{ ok: true, vector: new Float32Array(dimensions + 1).fill(1) }],
      timings,
    });
    expect(readySession().receive(frame, 1)).toMatchObject([
      { do: 'close', code: 4400, blame: true },
    ]);
  });

  test('a dtype unknown to the model is held to the bounds of fp32', () => {
    const session = new GatewaySession('s', options, 0);
    tell(session, { ...hello, dtype: 'q3' });
    const near = right.map((outcome): EmbedOutcome =>
      outcome.ok
        ? {
            ok: true,
            vector: fakeVector('x').map(
              (value, index) => value * 0.3 + (outcome.vector[index] ?? 0),
            ),
          }
        : outcome,
    );
    expect(session.checked(near, 0)).toMatchObject([{ do: 'close', code: 4403 }]);
  });

  test('a runner that is found wrong during its work is closed at once and then ignored', () => {
    const session = readySession();
    expect(session.quarantine('vectors are wrong')).toEqual([
      { do: 'close', code: 4403, reason: 'vectors are wrong', blame: false },
    ]);
    expect(session.state).toBe('quarantined');
    expect([session.quarantine('again'), session.tick(9_999, false), session.drain('x')]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('a quarantined runner learns why, and may connect again', () => {
    const session = new GatewaySession(
      's',
      { ...options, refusal: ({ name }) => `quarantined, ${name}` },
      0,
    );
    expect(tell(session, hello)).toEqual([
      { do: 'close', code: 4429, reason: 'quarantined, cpu-1', blame: false },
    ]);
    expect(session.hello).toBeNull();
  });
});

describe('life', () => {
  test('an idle runner that misses two heartbeats is lost', () => {
    const session = readySession();
    tell(session, { type: 'runner-heartbeat' }, 100);
    expect(session.tick(350, false)).not.toContainEqual(expect.objectContaining({ do: 'close' }));
    expect(session.tick(351, false)).toMatchObject([{ do: 'close', code: 4408 }]);
  });

  test('a runner with a job in work may be silent', () => {
    expect(readySession().tick(100_000, true)).not.toContainEqual(
      expect.objectContaining({ do: 'close' }),
    );
  });

  test('the gateway sends a heartbeat every interval', () => {
    const session = readySession();
    const beats = [50, 100, 150, 200].map((now) => session.tick(now, true).length);
    expect(beats).toEqual([0, 1, 0, 1]);
  });

  test('a runner that floods the gateway with heartbeats is closed', () => {
    const session = readySession();
    const beats = (count: number): readonly SessionEffect[] =>
      Array.from({ length: count }, () => tell(session, { type: 'runner-heartbeat' })).flat();
    expect(beats(100)).toEqual([]);
    session.tick(100, true);
    expect(beats(100)).toEqual([]);
    expect(beats(1)).toMatchObject([{ do: 'close', code: 4400 }]);
  });

  test('a drain by either side stops work and blames nothing', () => {
    const asked = readySession();
    expect(asked.drain('test').map((effect) => effect.do)).toEqual(['send', 'drain']);
    expect(asked.closed(1006)).toBe(false);
    const announced = readySession();
    expect(tell(announced, { type: 'runner-drain', reason: 'stop' })).toEqual([{ do: 'drain' }]);
    expect(announced.closed(1000)).toBe(false);
    expect(readySession().closed(1006)).toBe(true);
  });

  test('a draining runner that idles and does not leave is closed', () => {
    const session = readySession();
    session.drain('test');
    const after = (now: number, busy: boolean): readonly SessionEffect[] => {
      tell(session, { type: 'runner-heartbeat' }, now);
      return session.tick(now, busy).filter((effect) => effect.do === 'close');
    };
    expect(after(10_000, true)).toEqual([]);
    expect(after(10_100, false)).toEqual([]);
    expect(after(10_399, false)).toEqual([]);
    expect(after(10_400, false)).toMatchObject([{ code: 1000, blame: false }]);
  });

  test('a runner that reports its failure is closed at once, and its job is blamed', () => {
    const effects = tell(readySession(), {
      type: 'runner-error',
      code: 'embedder_failed',
      message: 'out of memory',
      retryable: true,
    });
    expect(effects).toEqual([
      { do: 'close', code: 4500, reason: 'embedder_failed: out of memory', blame: true },
    ]);
  });
});
