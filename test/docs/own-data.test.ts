// README's example of a log of one's own is read as README says, by the commands that it prints.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { read, root } from './printed-commands.ts';

const run = promisify(execFile);

test('the log that README shows is drafted and imported by its commands', async () => {
  const [, section = ''] =
    /^## Search your own data\n([\s\S]*?)^## /m.exec(read('README.md')) ?? [];
  const block = (kind: string): string =>
    new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? '';
  const flags = (command: string): readonly string[] =>
    (new RegExp(`npm run ${command} -- (.*)$`, 'm').exec(section)?.[1] ?? '').split(' ');
  await using folder = await temporaryFolder();
  const inFolder = { cwd: folder.path };
  const yaml = join(folder.path, 'orders.yaml');
  await writeFile(join(folder.path, 'orders.csv'), block('csv'));

  const map = [join(root, 'cli/map/map-command.ts'), ...flags('map')];
  expect((await run(process.execPath, map, inFolder)).stdout).toContain('3 events (purchase 3)');
  expect(parse(await readFile(yaml, 'utf8'))).toEqual(parse(block('yaml')));

  const load = [join(root, 'cli/import/import.ts'), ...flags('import'), '--dry-run'];
  const { stdout } = await run(process.execPath, load, inFolder);
  expect(stdout).toContain('03.10.2026 08:20 is 2026-10-03T08:20:00.000Z');
  expect(stdout).toContain('4 lines = 1 header + 3 fit to import + 0 turned away');
});
