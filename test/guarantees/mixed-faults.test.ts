// One seeded run of real processes under mixed faults; the long test has more.

import { testEmbeddedRuns } from './mixed/embedded-runs.ts';

testEmbeddedRuns({ runs: 1, firstSeed: 1 });
