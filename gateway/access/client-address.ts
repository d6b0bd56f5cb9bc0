// Finds a client's address: the socket's, or the one that a trusted proxy reports.

import { BlockList, isIP } from 'node:net';
import { at } from '#core/errors/assert.ts';

export type ClientAddress = (
  socketAddress: string | undefined,
  forwardedFor: string | undefined,
) => string;

/** Reads `X-Forwarded-For` only from a trusted proxy: any other client could forge it. */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = inNetworks(trusted);
  return (socketAddress, forwardedFor) => {
    let address = plain(socketAddress ?? '');
    if (trusted.length === 0 || forwardedFor === undefined || !isTrusted(address)) return address;
    // Each proxy appends the address that it was called from. From the end, the first address that
    // is not a trusted proxy is the client.
    for (const hop of forwardedFor.split(',').slice(-hopsMax).toReversed()) {
      const next = plain(hop.trim());
      if (isIP(next) === 0) break;
      address = next;
      if (!isTrusted(next)) break;
    }
    return address;
  };
}

/** `networks`: addresses, and networks such as `10.0.0.0/8`. */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = familyOf(address);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

/**
 * The block of addresses that limits count as one client: an IPv4 address, or the /64 of an IPv6
 * address, because a customer of an IPv6 provider can use at least a whole /64.
 */
export function addressBlock(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = at(address.split('%'), 0).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined
      ? left
      : [
          ...left,
          ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'),
          ...right,
        ];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

const hopsMax = 16;
const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
/** `::ffff:10.0.0.1` is 10.0.0.1. */
const plain = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
