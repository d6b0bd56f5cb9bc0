// `npm run audit`: fails for a known vulnerability of high or critical severity in production
// packages. It says so when the registry has no answer.

import { spawnSync } from 'node:child_process';

const { stdout, stderr, error } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64 * 2 ** 20,
  shell: process.platform === 'win32',
});
const report = parsed(stdout);
const counts = report?.metadata?.vulnerabilities;

if (counts === undefined) {
  // Offline, or a mirror without a list of vulnerabilities: nothing was checked.
  const why =
    report?.error?.summary ||
    report?.message ||
    error?.message ||
    stderr.trim().split('\n').at(-1) ||
    'no answer';
  console.log(
    "Dependencies were NOT audited: the registry's list of vulnerabilities cannot be read " +
      `(${why.slice(0, 300)}).`,
  );
} else {
  console.log(
    `Dependencies in production: ${counts.critical} critical, ${counts.high} high, ` +
      `${counts.moderate} moderate, ${counts.low} low vulnerabilities known.`,
  );
  for (const { name, severity, range } of Object.values(report.vulnerabilities))
    console.log(`  ${severity}: ${name} ${range}`);
  if (counts.critical + counts.high > 0) {
    console.log(
      'Update the critical and high ones before a release: npm audit --omit=dev says how.',
    );
    process.exitCode = 1;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
