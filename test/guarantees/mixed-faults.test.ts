// A few seeded runs of real processes under mixed faults; the long test has more.

import { testEmbeddedRuns } from './mixed/embedded-runs.ts';

testEmbeddedRuns({ runs: 2, firstSeed: 1 });
