// README's example of a log of one's own is read as README says, by the commands that it prints.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { read, root } from './printed-commands.ts';

test('the log and the mapping that README shows fit together', async () => {
  const [, section = ''] =
    /^## Search your own data\n([\s\S]*?)^## /m.exec(read('README.md')) ?? [];
  await using folder = await temporaryFolder();
  for (const [kind, name] of [
    ['csv', 'orders.csv'],
    ['yaml', 'orders.yaml'],
  ] as const) {
    const [, text = ''] = new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``).exec(section) ?? [];
    await writeFile(join(folder.path, name), text);
  }
  const [, words = ''] = /npm run import -- (.* --dry-run)$/m.exec(section) ?? [];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'cli/import/import.ts'), ...words.split(' ')],
    { cwd: folder.path },
  );
  expect(stdout).toContain('03.10.2026 08:20 is 2026-10-03T06:20:00.000Z');
  expect(stdout).toContain('4 lines = 1 header + 3 fit to import + 0 turned away');
});
