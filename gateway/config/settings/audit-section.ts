// The settings in the section `audit`.

import { integer } from '../setting-types.ts';
import { mebibyte } from '../units.ts';

export const auditSection = {
  fileBytesMax: integer({
    default: 16 * mebibyte,
    min: 0,
    max: 2 ** 30,
    help:
      'Size of audit.ndjson in the data folder (bytes) at which it is renamed to audit.ndjson.1 ' +
      'and a new file begins; 0 keeps no audit trail.',
  }),
} as const;
