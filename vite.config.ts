import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // `npm test` runs everything but `*.long.test.ts`; `npm run test:full` runs those.
    include: process.env['VECTORSTREAM_TEST_LONG'] ? ['test/**/*.long.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['VECTORSTREAM_TEST_LONG'] ? [] : ['test/**/*.long.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
