// What every handler finds in its context.
import type { Log } from './telemetry/log.ts';

export type AppEnv = {
  Variables: {
    requestId: string;
    /** A child of the gateway's log that carries `request_id`. */
    log: Log;
  };
};
