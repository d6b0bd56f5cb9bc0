// Parses the host names, origins and networks in the settings, and recognises loopback hosts.

import { isIP } from 'node:net';

/** `localhost`, 127.0.0.0/8 or ::1: only programs on this machine can connect. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * An origin as browsers write it: scheme, host, and the port unless it is the scheme's default.
 * `null` when the text is none.
 */
export function parseOrigin(text: string): string | null {
  const url = URL.parse(text);
  return url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.origin === text.toLowerCase().replace(/\/$/, '')
    ? url.origin
    : null;
}

/** A host name without port; `null` when the text is none. */
export function parseHostName(text: string): string | null {
  const name = text.toLowerCase();
  return isIP(name) !== 0 ||
    /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/.test(name)
    ? name
    : null;
}

/** `10.0.0.1` or `10.0.0.0/8`; `null` when the text is neither. */
export function parseNetwork(text: string): string | null {
  const [address = '', prefix] = text.split('/');
  const family = isIP(address);
  if (family === 0) return null;
  if (prefix === undefined) return text;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128) ? text : null;
}
