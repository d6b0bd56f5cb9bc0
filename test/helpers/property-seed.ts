// Property tests try the same values in every `npm test`, so that no run passes or fails by luck.
// `npm run test:full` tries new ones each time, outside of CI; a failure prints its seed.

import fc from 'fast-check';
import { inject } from 'vitest';

if (inject('fixedPropertySeed')) fc.configureGlobal({ seed: 1 });

declare module 'vitest' {
  export interface ProvidedContext {
    fixedPropertySeed: boolean;
  }
}
