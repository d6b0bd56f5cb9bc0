// The settings in the section `logging`.

import { oneOf } from '../setting-types.ts';

export const loggingSection = {
  level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    env: 'LOG_LEVEL',
    flag: 'log-level',
    live: true,
    help:
      'Lowest severity that is logged. ' +
      'Runners that the gateway started keep the level that it had at the start.',
  }),
  format: oneOf(['auto', 'pretty', 'json'], {
    default: 'auto',
    env: 'LOG_FORMAT',
    flag: 'log-format',
    help: 'Format of the log. auto is pretty on a terminal and json elsewhere.',
  }),
} as const;
