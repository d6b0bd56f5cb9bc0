// The context of every request handler.

import type { HttpBindings } from '@hono/node-server';
import type { Client } from '../access/authorization.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type AppEnv = {
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    /** A child of the gateway's log that carries `request_id`. */
    log: Log;
    client: Client;
    /** Charges units beyond the first to the client's budget: further events, further texts. */
    charge: (units: number) => void;
    /** What a route adds to its line in the audit trail: ids and counts, never a body. */
    audit: Record<string, unknown>;
  };
};
