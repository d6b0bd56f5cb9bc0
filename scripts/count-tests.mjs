// Adds up the JSON reports of test runs and prints the last line of a CI run.

import { existsSync, readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  // A run that ended before its tests (types, formatting) wrote no report: that is a failure too.
  if (!existsSync(file)) {
    failed += 1;
    continue;
  }
  const report = JSON.parse(readFileSync(file, 'utf8'));
  passed += report.numPassedTests;
  // A test file that cannot be loaded fails the run, although no test failed.
  failed += Math.max(report.numFailedTests, report.success ? 0 : 1);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
