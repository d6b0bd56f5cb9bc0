import { defineConfig } from 'vitest/config';

// `npm test` leaves out `*.long.test.ts`; `npm run test:full` (vitest --mode full) runs everything.
export default defineConfig(({ mode }) => {
  const report = process.env['VECTORSTREAM_TEST_REPORT'];
  return {
    test: {
      include: ['test/**/*.test.ts'],
      exclude: mode === 'full' ? [] : ['test/**/*.long.test.ts'],
      testTimeout: 30_000,
      hookTimeout: 60_000,
      maxWorkers: 2,
      reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    },
  };
});
