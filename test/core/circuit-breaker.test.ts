// The circuit follows its diagram: no call while it is open, one probe at a time, and a longer
// delay after each failed probe.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CircuitBreaker, type Permit } from '#core/pipeline/circuit-breaker.ts';

const policy = { failuresMax: 3, delayMs: 100, delayMsMax: 1000 };

function permit(circuit: CircuitBreaker, now: number): Permit {
  const given = circuit.admit(now);
  if (given === null) throw new Error(`no permit at ${now}`);
  return given;
}

function opened(at: number): CircuitBreaker {
  const circuit = new CircuitBreaker(policy);
  for (let failure = 0; failure < 3; failure++) circuit.failed(permit(circuit, at), at);
  return circuit;
}

test('consecutive failures open the circuit; a success in between restarts the count', () => {
  const circuit = new CircuitBreaker(policy);
  for (const outcome of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const)
    circuit[outcome](permit(circuit, 0), 0);
  expect(circuit.state(0)).toBe('closed');
  expect(circuit.probeDueAt()).toBeNull();
  circuit.failed(permit(circuit, 0), 0);
  expect(circuit.state(0)).toBe('open');
  expect(circuit.admit(99)).toBeNull();
  expect(circuit.probeDueAt()).toBe(100);
});

test('after the delay one probe is admitted, and its success closes the circuit', () => {
  const circuit = opened(0);
  expect(circuit.state(100)).toBe('half-open');
  const probe = permit(circuit, 100);
  expect(circuit.admit(5000)).toBeNull();
  expect(circuit.state(5000)).toBe('half-open');
  circuit.succeeded(probe);
  expect(circuit.state(5000)).toBe('closed');
  expect(circuit.admit(5000)).not.toBeNull();
});

test('each failed probe doubles the delay up to its bound; a success resets the delay', () => {
  const circuit = opened(0);
  let now = 0;
  for (const delay of [100, 200, 400, 800, 1000, 1000]) {
    expect(circuit.probeDueAt()).toBe(now + delay);
    expect(circuit.admit(now + delay - 1)).toBeNull();
    now += delay;
    circuit.failed(permit(circuit, now), now);
    expect(circuit.state(now)).toBe('open');
  }
  now += 1000;
  circuit.succeeded(permit(circuit, now));
  for (let failure = 0; failure < 3; failure++) circuit.failed(permit(circuit, now), now);
  expect(circuit.probeDueAt()).toBe(now + 100);
});

test('results of calls that were admitted before it opened change nothing', () => {
  const circuit = new CircuitBreaker(policy);
  const late = permit(circuit, 0);
  const early = permit(circuit, 0);
  for (const call of [permit(circuit, 0), permit(circuit, 0), permit(circuit, 0)])
    circuit.failed(call, 0);
  circuit.succeeded(early);
  circuit.failed(late, 50);
  expect(circuit.probeDueAt()).toBe(100);
  const probe = permit(circuit, 100);
  circuit.failed(late, 100);
  expect(circuit.admit(100)).toBeNull();
  circuit.succeeded(probe);
  expect(circuit.state(100)).toBe('closed');
});

test('in any history open admits nothing, half-open one call, and success closes it', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('admit' as const) }),
    fc.record({
      kind: fc.constantFrom('succeeded' as const, 'failed' as const, 'failed' as const),
      pick: fc.nat(),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const circuit = new CircuitBreaker(policy);
      let now = 0;
      let probe: Permit | null = null;
      const calls: Permit[] = [];
      const seen: unknown[] = [];
      const expected: unknown[] = [];
      for (const next of steps) {
        if (next.kind === 'wait') now += next.ms;
        else if (next.kind === 'admit') {
          const before = circuit.state(now);
          const given = circuit.admit(now);
          seen.push(given !== null);
          expected.push(before === 'closed' || (before === 'half-open' && probe === null));
          if (given !== null) calls.push(given);
          if (before === 'half-open') probe ??= given;
        } else {
          const [call] = calls.splice(next.pick % Math.max(1, calls.length), 1);
          if (call === undefined) continue;
          circuit[next.kind](call, now);
          if (call === probe) {
            seen.push(circuit.state(now));
            expected.push(next.kind === 'succeeded' ? 'closed' : 'open');
            probe = null;
          }
        }
      }
      expect(seen).toEqual(expected);
      if (probe !== null) circuit.failed(probe, now);
      now += policy.delayMsMax;
      circuit.succeeded(permit(circuit, now));
      expect(circuit.state(now)).toBe('closed');
    }),
    { numRuns: 300 },
  );
});
