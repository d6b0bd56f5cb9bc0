// Makes a key and a self-signed certificate for this machine's names, in two files. Only this user
// can read the key.

import { X509Certificate } from 'node:crypto';
import { access } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { at } from '#core/errors/assert.ts';
import { UsageError } from '#core/errors/errors.ts';
import { makeFolder } from '../../system/make-folder.ts';
import { replaceFile } from '../../system/replace-file.ts';

export type MadeCertificate = {
  readonly certPath: string;
  readonly keyPath: string;
  /** SHA-256, as browsers show it. */
  readonly fingerprint: string;
  readonly until: Date;
};

export type CertificateOptions = {
  readonly names: readonly string[];
  readonly folder: string;
  readonly days: number;
  readonly now: number;
  /** Replaces old files. */
  readonly force: boolean;
};

const dayMs = 86_400_000;

/** @throws UsageError when a file exists already, or the folder cannot be written */
export async function makeCertificate({
  names,
  folder,
  days,
  now,
  force,
}: CertificateOptions): Promise<MadeCertificate> {
  const [certPath, keyPath] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  for (const path of [certPath, keyPath]) {
    if (
      !force &&
      (await access(path).then(
        () => true,
        () => false,
      ))
    )
      throw new UsageError(
        `${path} exists already: --force replaces it (clients then have to trust the new one), ` +
          '--out names another folder.',
      );
  }
  const until = new Date(now + days * dayMs);
  const made = await generate(
    [
      { name: 'commonName', value: at(names, 0) },
      { name: 'organizationName', value: 'VectorStream' },
    ],
    {
      // Valid from a day ago, because the clocks of phones and computers differ.
      keyType: 'ec',
      curve: 'P-256',
      algorithm: 'sha256',
      notBeforeDate: new Date(now - dayMs),
      notAfterDate: until,
      extensions: [
        // No certificate authority: a stolen key cannot sign for other machines, and devices that
        // trust it trust this machine alone.
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: names.map((name) =>
            isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name },
          ),
        },
      ],
    },
  );
  try {
    makeFolder(folder);
    await replaceFile(keyPath, made.private, 0o600);
    await replaceFile(certPath, made.cert, 0o644);
  } catch (cause) {
    throw new UsageError(
      `${folder} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  return { certPath, keyPath, until, fingerprint: new X509Certificate(made.cert).fingerprint256 };
}
