// Says who asks for something that is written down with a name: how they are let in, and from which address.
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import type { AppEnv } from './app-env.ts';

/** `API key from 10.1.2.3`, or `anybody from 127.0.0.1` where no key is needed. Of a request without a socket only the first part. */
export function actorOf(c: Context<AppEnv>, needsKey: boolean): string {
  const who = needsKey ? 'API key' : 'anybody';
  const address = addressOf(c);
  return address === null ? who : `${who} from ${address}`;
}

function addressOf(c: Context<AppEnv>): string | null {
  const env: unknown = c.env;
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return null;
  return getConnInfo(c).remote.address ?? null;
}
