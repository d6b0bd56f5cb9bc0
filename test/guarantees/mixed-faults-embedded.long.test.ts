// Seeded runs of real processes under mixed faults on the embedded engines.

import { testEmbeddedRuns } from './mixed/embedded-runs.ts';

testEmbeddedRuns({ runs: 6, firstSeed: 3 });
