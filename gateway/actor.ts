// Says who asks for something that is written down with a name: whose key it was, and from which address.
import type { Context } from 'hono';
import type { AppEnv } from './app-env.ts';

/** `shop-1 from 10.1.2.3`, or `anybody from 127.0.0.1` where no key is needed. Of a request without a socket only the first part. */
export function actorOf(c: Context<AppEnv>): string {
  const { key, address } = c.get('client');
  return `${key ?? 'anybody'}${address === '' ? '' : ` from ${address}`}`;
}
