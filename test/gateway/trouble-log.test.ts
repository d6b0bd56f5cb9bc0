// A dependency that is down for an hour is one line in the log, without a stack trace.

import { expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { ownEventTypes } from '#core/event/event-types.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { Guard, isRetryable } from '#core/pipeline/dependency-guard.ts';
import type { Live } from '../../gateway/live/live.ts';
import { pipelineObserver, repairObserver } from '../../gateway/startup/observers.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { createTroubleLog } from '../../gateway/telemetry/trouble-log.ts';

const down = (code: string) =>
  new DependencyError('qdrant', code, 'connect ECONNREFUSED', { retryable: true });

function collectedLog() {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    secrets: new Set(),
    destination: { write: (line) => lines.push(line) },
  });
  return { lines, log, clock: new ManualClock() };
}

function repairLog() {
  const { lines, log, clock } = collectedLog();
  return { lines, clock, observer: repairObserver(new Telemetry(), log, clock) };
}

test('a repair that fails twice a second for an hour is logged once, without a stack', async () => {
  const { lines, clock, observer } = repairLog();
  for (let halfSeconds = 0; halfSeconds < 7_200; halfSeconds++) {
    observer.failed(down('unavailable'));
    await clock.advance(500);
  }
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"reason":"connect ECONNREFUSED"');
  expect(lines[0]).not.toMatch(/stack|\.ts:\d+/);
});

test('it is logged again after a minute of quiet, and when its cause changes', async () => {
  const { lines, clock, observer } = repairLog();
  observer.failed(down('unavailable'));
  await clock.advance(60_001);
  observer.failed(down('unavailable'));
  observer.failed(down('refused'));
  observer.failed(down('refused'));
  expect(lines).toHaveLength(3);
});

test('an unexpected error keeps its stack', () => {
  const written: object[] = [];
  const failed = createTroubleLog(new ManualClock(), (fields) => written.push(fields));
  const bug = new TypeError('undefined is not a function');
  failed(bug);
  failed(bug);
  expect(written).toEqual([{ err: bug }]);
});

test('an outage is two lines, its begin with the reason and its end', async () => {
  const { lines, log, clock } = collectedLog();
  const live: Pick<Live, 'stored' | 'deadLettered'> = {
    stored: () => undefined,
    deadLettered: () => undefined,
  };
  let isDown = true;
  const guard = new Guard({
    dependency: 'store',
    retryable: isRetryable,
    backoff: { delayMs: 100, delayMsMax: 10_000 },
    circuit: { failuresMax: 5, delayMs: 1_000, delayMsMax: 15_000 },
    clock,
    random: () => 0.5,
    signal: new AbortController().signal,
    observer: pipelineObserver({
      telemetry: new Telemetry(),
      live,
      versions: { add: () => undefined },
      timestamps: { add: () => undefined },
      eventTypes: ownEventTypes,
      erasures: { cameAgain: () => undefined },
      log,
    }),
  });
  const call = guard.call(async () => {
    if (isDown) throw down('unreachable');
  });
  await clock.advance(3_600_000);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"reason":"connect ECONNREFUSED","msg":"a dependency is down;');
  expect(lines[0]).not.toMatch(/stack|\.ts:\d+/);
  isDown = false;
  await clock.advance(60_000);
  await call;
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('a dependency is back');
});
