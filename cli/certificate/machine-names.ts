// Finds the names and addresses under which other machines of the local network reach this one, and
// checks names that a person gives.

import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { UsageError } from '#core/errors/errors.ts';

export type Machine = {
  readonly hostName: string;
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
};

/** Programs on this machine use these names, so every certificate has them. */
export const ownNames: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/**
 * The names in `asked`, or all names of this machine when it is empty.
 *
 * @throws UsageError when a name is invalid, or no other machine could use any of them
 */
export function certificateNames(asked: readonly string[], machine: Machine): readonly string[] {
  const wrong = asked.find((name) => !isName(name));
  if (wrong !== undefined)
    throw new UsageError(
      `--host is ${JSON.stringify(wrong.slice(0, 100))}; allowed: host names and IP addresses, ` +
        'without scheme and port.',
    );
  const names = asked.length > 0 ? asked.map((name) => name.toLowerCase()) : namesOf(machine);
  if (names.every(isLoopback)) {
    throw new UsageError(
      asked.length > 0
        ? 'This machine alone needs no certificate: browsers count http://localhost as ' +
            'secure. Name the address by which others reach it: --host 192.168.1.20'
        : 'This machine has no address in a network. Name one by which others reach it: ' +
            '--host 192.168.1.20',
    );
  }
  return [...new Set([...names, ...ownNames])];
}

function namesOf({ hostName, interfaces }: Machine): readonly string[] {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    // A link-local address belongs to a different machine on each network.
    .filter(
      ({ internal, address }) =>
        !internal && !/^fe[89ab]/i.test(address) && !address.startsWith('169.254.'),
    )
    .map(({ address }) => address);
  const name = hostName.toLowerCase();
  if (addresses.length === 0 || !isName(name) || isLoopback(name)) return addresses;
  // Most home networks know a machine by its name with .local (multicast DNS).
  return [...addresses, name, ...(name.includes('.') ? [] : [`${name}.local`])];
}

const isLoopback = (name: string): boolean =>
  name === 'localhost' ||
  name === '::1' ||
  /^127\.\d+\.\d+\.\d+$/.test(name) ||
  name.endsWith('.localhost');

const isName = (name: string): boolean =>
  isIP(name) !== 0 ||
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name);
