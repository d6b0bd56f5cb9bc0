// What a person meets in the demo: a folder of its own, a wait with its reason and length, and
// commands that every shell takes.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { defaultDemoFolder, openDemoFolder } from '../../cli/demo/demo-folder.ts';
import { demoEnvironment } from '../../cli/demo/demo-gateway.ts';
import { farewell, nextSteps } from '../../cli/demo/demo-summary.ts';
import { createSpinner } from '../../cli/spinner.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe('the folder of the demo', () => {
  test('is never that of npm start, whatever its settings file says', () => {
    const config = parseConfig({
      yaml: 'gateway: { dataDir: of-the-shop }',
      env: demoEnvironment({}, null),
      flags: new Map(),
    });
    expect(config.gateway.dataDir).toBe(defaultDemoFolder);
    expect(parseConfig({ yaml: null, env: {}, flags: new Map() }).gateway.dataDir).not.toBe(
      defaultDemoFolder,
    );
  });

  test('with the data of npm start is refused, also with --reset, and left as it is', async () => {
    await using folder = await temporaryFolder();
    const database = join(folder.path, 'vectorstream.db');
    writeFileSync(database, 'events of a shop');
    for (const reset of [false, true])
      expect(() => openDemoFolder(folder.path, reset)).toThrow('data that the demo did not make');
    expect(existsSync(database)).toBe(true);
  });

  test('keeps the events of earlier demos until --reset', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'new');
    openDemoFolder(path, false);
    writeFileSync(join(path, 'vectorstream.db'), 'generated events');
    openDemoFolder(path, false);
    expect(existsSync(join(path, 'vectorstream.db'))).toBe(true);
    openDemoFolder(path, true);
    expect(existsSync(join(path, 'vectorstream.db'))).toBe(false);
  });
});

describe('at its end the demo', () => {
  test('lists the pages, and commands that bash, zsh and PowerShell take as printed', () => {
    for (const url of ['http://127.0.0.1:8080', 'http://127.0.0.1:8180']) {
      const text = nextSteps(url, 'demo.log');
      for (const page of ['/', '/search', '/demo', '/docs'])
        expect(text).toContain(`${url}${page} `);
      const commands = text.split('\n').filter((line) => line.includes('npm run'));
      expect(commands).toHaveLength(3);
      for (const command of commands) {
        expect(command).not.toMatch(/[?*$`'\\;&|]| -- /);
        expect(command.includes(' --')).toBe(command.includes(' "--" '));
        expect(command.includes('--target')).toBe(!url.endsWith(':8080'));
      }
    }
  });

  test('says where its data is, and how to begin anew', () => {
    expect(farewell('/shop/.vectorstream-demo')).toMatch(
      /in \/shop\/\.vectorstream-demo, .* --reset/,
    );
  });
});

const waited = async (isTTY: boolean): Promise<string> => {
  const clock = new ManualClock();
  let out = '';
  const write = (text: string) => {
    out += text;
  };
  const spinner = createSpinner({ isTTY, columns: 80, write }, clock);
  for (const reason of ['Starting …', 'Starting …', 'Measuring …']) {
    spinner.turn(reason);
    await clock.advance(4_000);
  }
  spinner.finish();
  expect(spinner.seconds()).toBe(12);
  return out;
};

describe('a wait', () => {
  test('shows its reason and its seconds on a terminal, and then disappears', async () => {
    const out = await waited(true);
    expect(out).toMatch(/Measuring … \S*8 s/);
    expect(out.endsWith('\r\u001b[K')).toBe(true);
  });

  test('is one line for each reason elsewhere', async () => {
    expect(await waited(false)).toBe('Starting …\nMeasuring …\n');
  });
});
