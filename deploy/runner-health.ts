// Health check of a runner for container engines: the runner has an open connection to a port of
// one of its gateways.

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** `01` in the fourth column of /proc/net/tcp. */
const established = '01';

/**
 * Whether one of the tables (`/proc/net/tcp`, `tcp6`) has an established connection to the port of
 * one of the gateways. A runner that was refused, or whose model failed, has none.
 */
export function isJoined(gatewayUrls: string, tables: readonly string[]): boolean {
  const ports = new Set(
    gatewayUrls
      .split(',')
      .map((url) => url.trim())
      .filter((url) => URL.canParse(url))
      .map(portOf),
  );
  // "  0: 0200007F:8C3E 0100007F:1F90 01 …": number, local address, remote address, state.
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .some((line) => {
      const [, , remote, state] = line.trim().split(/\s+/);
      return (
        state === established && ports.has(Number.parseInt(remote?.split(':').at(-1) ?? '', 16))
      );
    });
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'wss:' ? 443 : 80) : Number(port);
}

function tableOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A kernel without IPv6 has no such file.
    return '';
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const urls = process.env['VECTORSTREAM_GATEWAY_URL'] || 'ws://127.0.0.1:8080';
  const joined = isJoined(urls, ['/proc/net/tcp', '/proc/net/tcp6'].map(tableOf));
  process.stdout.write(joined ? 'joined\n' : `not joined to ${urls}\n`);
  process.exitCode = joined ? 0 : 1;
}
