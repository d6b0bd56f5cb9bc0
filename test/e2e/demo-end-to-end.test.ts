// `npm run demo`, whole: exact totals, exactly the injected faults dead-lettered, and a Ctrl-C that
// leaves nothing behind.

import { expect, test } from 'vitest';
import { startDemo, summaryOf } from '../helpers/demo-program.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const timeout = 120_000;

test(
  '2,000 events, 5 % of them spoiled: the totals are exact, and exactly the spoiled ones are dead-lettered with reasons',
  { timeout },
  async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using demo = await startDemo(
      folder.path,
      '--exit',
      '--json',
      '--count',
      '2000',
      '--invalid-percent',
      '5',
    );
    expect(await demo.ended, demo.stderr()).toEqual({ code: 0, signal: null });
    const summary = summaryOf(demo.stdout());
    expect(summary).toMatchObject({
      events: 2_000,
      stored: 1_900,
      deadLettered: 100,
      embeddedTexts: summary.uniqueTexts,
    });
    expect(summary.eventsPerSecond).toBeCloseTo(2_000 / summary.seconds, -1);
    expect(processesOf(folder.path)).toEqual([]);

    const { eventIds, letters, texts, log, committed } = readStore(folder.path);
    expect(new Set(eventIds).size).toBe(1_900);
    expect([log.length, committed]).toEqual([2_000, 2_000]);
    expect(texts.size).toBe(summary.uniqueTexts);
    expect(letters).toHaveLength(100);
    for (const { reason, message, value } of letters) {
      expect(reason).toMatch(/^(not_json|invalid_event|too_large)$/);
      expect(message).toMatch(/^\S+: got .+, .*allowed: .+$/);
      expect(value.length).toBeGreaterThan(0);
    }
  },
);

test(
  'Ctrl-C in mid-stream ends it within 5 s, and leaves no process',
  { timeout },
  async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using demo = await startDemo(folder.path, '--count', '20000', '--stream', 'unique');
    await until(
      'texts are being stored',
      60_000,
      async () => (await demo.gateway.stats()).store.texts >= 50,
    );
    const askedAt = performance.now();
    process.kill(-demo.pid, 'SIGINT');
    expect(await demo.ended).toEqual({ code: 130, signal: null });
    expect(performance.now() - askedAt).toBeLessThan(5_000);
    expect(processesOf(folder.path)).toEqual([]);
    expect(demo.stdout() + demo.stderr()).toContain('What the gateway had accepted is safe');
    const stopped = readStore(folder.path);
    expect(stopped.letters).toEqual([]);
    expect(stopped.eventIds.length, 'stopped in mid-stream').toBeLessThan(20_000);
  },
);
