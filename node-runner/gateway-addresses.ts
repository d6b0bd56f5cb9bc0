// Finds the gateways behind a URL: one endpoint for each address that its host name has.

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { WebSocket } from 'ws';
import type { Channel } from '#core/ports.ts';
import {
  connectWebSocket,
  ConnectError,
  type ConnectOptions,
} from '#core/protocol/websocket-channel.ts';

/** IP addresses of a host name; rejects when it has none or the lookup fails. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** One gateway to dial. */
export type GatewayEndpoint = {
  readonly url: string;
  /** IP address to connect to; `null`: the system resolves the URL's host name. */
  readonly address: string | null;
};

export const systemLookup: Lookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/**
 * A gateway with an IPv4 and an IPv6 address is one gateway: if there are IPv4 addresses, only
 * those are used. This machine is dialled by its name, because its two addresses lead to the same
 * gateway, which may listen on either.
 *
 * @throws ConnectError when the name cannot be looked up.
 */
export async function endpointsOf(url: string, find: Lookup): Promise<readonly GatewayEndpoint[]> {
  const host = new URL(url).hostname;
  const byName = [{ url, address: null }];
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return byName;
  let addresses: readonly string[];
  try {
    addresses = await find(host);
  } catch (cause) {
    throw new ConnectError(
      `${host} cannot be looked up: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
  if (addresses.every(isLoopback)) return byName;
  const ipv4 = addresses.filter((address) => isIP(address) === 4);
  return [...new Set(ipv4.length > 0 ? ipv4 : addresses)].map((address) => ({ url, address }));
}

/** Connects like `connectWebSocket`, to this address; TLS still checks the URL's host name. */
export function connectTo(
  { url, address }: GatewayEndpoint,
  options: Omit<ConnectOptions, 'url'>,
): Promise<Channel> {
  if (address === null) return connectWebSocket({ ...options, url });
  const entry = { address, family: isIP(address) };
  return connectWebSocket(
    { ...options, url },
    (dialled, protocols) =>
      new WebSocket(dialled, protocols, {
        perMessageDeflate: false,
        lookup: (_host, { all }, found) => {
          if (all === true) found(null, [entry]);
          else found(null, entry.address, entry.family);
        },
      }),
  );
}

function isLoopback(address: string): boolean {
  return loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
