// Tests the browser runner's health check against the file that the runner writes, and against its
// age.

import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createStatusFile } from '../../browser-runner/status-file.ts';
import { troubleOf } from '../../deploy/browser-runner-health.ts';
import { workingPage as status } from '../browser-runner/working-page.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { root } from './compose-file.ts';

const told = (at: number, state: string, lastError: string | null = null) =>
  JSON.stringify({ at, state, last_error: lastError });

describe('a browser runner is well', () => {
  test('while one of its pages works and has reported recently', () => {
    expect(troubleOf([told(1_000, 'opening'), told(1_000, 'working')], 20_000)).toBeNull();
    expect(troubleOf([told(1_000, 'working')], 40_000)).toBe('no page has reported for 30 s');
    expect(troubleOf([], 0)).toBe('no page has reported for 30 s');
    expect(
      troubleOf([told(1_000, 'connecting', 'The gateway refuses the token.'), '{"at":'], 2_000),
    ).toBe('connecting: The gateway refuses the token.');
  });

  test('according to the exit code of the program', async () => {
    await using dataDir = await temporaryFolder();
    const folder = join(dataDir.path, 'browser-runner', '1');
    await mkdir(folder, { recursive: true });
    const check = () =>
      promisify(execFile)(process.execPath, [join(root, 'deploy/browser-runner-health.ts')], {
        env: { VECTORSTREAM_DATA_DIR: dataDir.path },
      });
    await expect(check()).rejects.toMatchObject({
      code: 1,
      stdout: 'no page has reported for 30 s\n',
    });
    const file = createStatusFile(join(folder, 'status-1.json'), Date.now);
    file.write(status, 2 ** 28);
    await until(
      'the status is written and the check passes',
      60_000,
      async () => (await check()).stdout === 'works\n',
    );
    file.write({ ...status, state: 'restarting', lastError: 'The GPU was lost.' }, null);
    await until('the check fails', 60_000, () =>
      check().then(
        () => false,
        (error: { stdout?: string }) => error.stdout === 'restarting: The GPU was lost.\n',
      ),
    );
  });
});
