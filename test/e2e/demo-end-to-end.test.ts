// `npm run demo`, whole: exact totals, and exactly the injected faults are dead-lettered.

import { expect, test } from 'vitest';
import { startDemo, summaryOf } from '../helpers/demo-program.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const timeout = 120_000;

test(
  '1,000 events, 5 % invalid: exact totals, and exactly those are dead-lettered with reasons',
  { timeout },
  async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using demo = await startDemo(
      folder.path,
      '--exit',
      '--json',
      '--count',
      '1000',
      '--invalid-percent',
      '5',
    );
    expect(await demo.ended, demo.stderr()).toEqual({ code: 0, signal: null });
    const summary = summaryOf(demo.stdout());
    expect(summary).toMatchObject({
      events: 1_000,
      stored: 950,
      deadLettered: 50,
      embeddedTexts: summary.uniqueTexts,
    });
    expect(summary.eventsPerSecond).toBeCloseTo(1_000 / summary.seconds, -1);
    expect(processesOf(folder.path)).toEqual([]);

    const { eventIds, deadLetters, texts, log, committed } = readStore(folder.path);
    expect(new Set(eventIds).size).toBe(950);
    expect([log.length, committed]).toEqual([1_000, 1_000]);
    expect(texts.size).toBe(summary.uniqueTexts);
    expect(deadLetters).toHaveLength(50);
    for (const { reason, message, value } of deadLetters) {
      expect(reason).toMatch(/^(not_json|invalid_event|too_large|timestamp_ahead)$/);
      expect(message).toMatch(/^\S+: got .+, .*allowed: .+$/);
      expect(value.length).toBeGreaterThan(0);
    }
  },
);
