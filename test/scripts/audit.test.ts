// `npm run audit`: a known vulnerability of high severity fails it; an unreachable registry does
// not, and is reported.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'vectorstream-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs it with a scripted npm that checks for an audit of production packages only. */
function audit(answer: string): { status: number | null; output: string } {
  writeFileSync(join(folder, 'answer'), answer);
  writeFileSync(
    join(folder, 'npm'),
    `#!/bin/sh\n[ "$*" = "audit --omit=dev --json" ] || exit 9\n` +
      `cat '${join(folder, 'answer')}'\nexit 1\n`,
    { mode: 0o755 },
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../../scripts/audit.mjs')],
    {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH']}` },
    },
  );
  return { status, output: stdout + stderr };
}

const report = (counts: Record<string, number>) =>
  JSON.stringify({
    metadata: { vulnerabilities: { low: 0, moderate: 0, high: 0, critical: 0, ...counts } },
    vulnerabilities: {
      'some-package': { name: 'some-package', severity: Object.keys(counts)[0], range: '<2.0.0' },
    },
  });

test.runIf(process.platform !== 'win32').each([
  ['critical', report({ critical: 1 }), 1, 'critical: some-package <2.0.0'],
  ['high', report({ high: 2 }), 1, '2 high'],
  ['moderate', report({ moderate: 3 }), 0, '3 moderate'],
  [
    'an answer without a list',
    JSON.stringify({ message: '405 Method Not Allowed', error: { summary: '', detail: '' } }),
    0,
    "NOT audited: the registry's list of vulnerabilities cannot be read (405 Method Not Allowed)",
  ],
  ['no answer', '', 0, 'NOT audited'],
  ['an answer that is not JSON', '<html>', 0, 'NOT audited'],
])('%s', (_, answer, status, said) => {
  const result = audit(answer);
  expect(result.output).toContain(said);
  expect(result.status).toBe(status);
});
