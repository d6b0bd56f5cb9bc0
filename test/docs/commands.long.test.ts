// Every npm command that README and docs print runs under the oldest promised Node, through the
// set-up, with the flags as printed: --help at the end checks them and does nothing.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { engines, printed, root, scripts } from './printed-commands.ts';

const oldestMajor = Number(/\d+/.exec(engines.node)?.[0]);
/** Without the packaged Node, which npm puts first. */
const systemPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);

/** `null`: this machine's own Node is the oldest promised one. */
function reasonToSkip(): string | null {
  const folder = systemPath.split(delimiter).find((each) => existsSync(join(each, 'node')));
  if (folder === undefined) return 'this machine has no Node of its own';
  const version = execFileSync(join(folder, 'node'), ['--version'], { encoding: 'utf8' }).trim();
  return version.startsWith(`v${oldestMajor}.`)
    ? null
    : `this machine has Node ${version}, not ${oldestMajor}`;
}

/** What a person types: for each program its line with the most flags, without a placeholder. */
const typed = printed
  .map(({ script, words }) => ({ script, words: words.trim() }))
  .filter(({ script, words }) => `${script}:run` in scripts && /^(--( |$)|$)/.test(words))
  .filter(({ script, words }) => !/^(test|fuzz|simulate)/.test(script) && !/[A-Z…]/.test(words))
  .map(({ script, words }) => ({ script, words: words.replace(/^-- ?/, '') }));
const programs = new Set([
  ...typed.map(({ script }) => script),
  'erase',
  'evaluate',
  'export',
  'model-manifest',
]);
const lines = [...programs].map((script) => {
  const [most] = typed
    .filter((line) => line.script === script)
    .toSorted((a, b) => b.words.length - a.words.length);
  return [script, most?.words ?? ''] as const;
});

describe(`under Node ${oldestMajor}`, () => {
  const reason = reasonToSkip();
  if (reason !== null) process.stderr.write(`SKIPPED, commands under the oldest Node: ${reason}\n`);
  if (reason !== null && process.env['CI']) throw new Error(reason);
  test.skipIf(reason !== null).each(lines)('npm run %s -- %s', async (script, words) => {
    const { stdout: help } = await promisify(execFile)(
      'sh',
      ['-c', `npm run -s ${script} -- ${words} --help`],
      { cwd: root, env: { ...process.env, PATH: systemPath } },
    );
    expect(help).toMatch(/^Usage: /m);
    const headings = help.match(/^[\w ,]+:$/gm) ?? [];
    expect(headings.length).toBeGreaterThan(script === 'model-manifest' ? 0 : 1);
  });
});

test.each([...programs])('npm run %s says its version', async (script) => {
  const [, file = ''] = /node (?:--\S+ )?(\S+)/.exec(scripts[`${script}:run`] ?? '') ?? [];
  const { stdout } = await promisify(execFile)(process.execPath, [file, '--version'], {
    cwd: root,
  });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
