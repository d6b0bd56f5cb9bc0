// Says who is at the other end: the socket's address, or what a proxy that is trusted says of it.

import { BlockList, isIP } from 'node:net';

export type ClientAddress = (
  socketAddress: string | undefined,
  forwardedFor: string | undefined,
) => string;

/** Without trusted networks `X-Forwarded-For` is anybody's claim, and is not read. */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = inNetworks(trusted);
  return (socketAddress, forwardedFor) => {
    let address = plain(socketAddress ?? '');
    if (trusted.length === 0 || forwardedFor === undefined || !isTrusted(address)) return address;
    // Each proxy adds at the end whom it was asked by: the last one that is not a proxy of ours is
    // the client.
    for (const hop of forwardedFor.split(',').slice(-hopsMax).toReversed()) {
      const next = plain(hop.trim());
      if (isIP(next) === 0) break;
      address = next;
      if (!isTrusted(next)) break;
    }
    return address;
  };
}

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
 * What limits count by: one customer of an IPv6 provider has at least a /64 to choose addresses
 * from.
 */
export function neighbourhood(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
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
