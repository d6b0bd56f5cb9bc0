// Computes by what Chromium trusts a certificate: the hash of its public key.

import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The SHA-256 in base64 of the public key of each certificate in a PEM file.
 *
 * @throws UsageError naming the file
 */
export async function trustedKeysOf(file: string): Promise<readonly string[]> {
  try {
    const found = (await readFile(file, 'utf8')).match(certificate) ?? [];
    if (found.length === 0) throw new Error('it has no PEM certificate');
    return found.map((pem) =>
      createHash('sha256')
        .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
        .digest('base64'),
    );
  } catch (cause) {
    throw new UsageError(
      `VECTORSTREAM_TLS_CA is "${file}": ` +
        `${cause instanceof Error ? cause.message : String(cause)}. ` +
        "Name the PEM file of the gateway's certificate.",
      { cause },
    );
  }
}
