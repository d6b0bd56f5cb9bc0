// Makes a key and a certificate that says this machine's names, signed by itself, in two files of
// which only this user can read the key.

import { X509Certificate } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { UsageError } from '#core/errors/errors.ts';

export type MadeCertificate = {
  readonly certPath: string;
  readonly keyPath: string;
  /** SHA-256, as browsers show it. */
  readonly fingerprint: string;
  readonly until: Date;
};

export type CertificateOrder = {
  readonly names: readonly string[];
  readonly folder: string;
  readonly days: number;
  readonly now: number;
  /** Puts the new files in the place of old ones. */
  readonly force: boolean;
};

const dayMs = 86_400_000;

/** Throws `UsageError` when there is one already, or the folder cannot be written. */
export async function makeCertificate({
  names,
  folder,
  days,
  now,
  force,
}: CertificateOrder): Promise<MadeCertificate> {
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
        `${path} is there already: with --force a new one takes its place (clients then have to trust that one), with --out it goes elsewhere.`,
      );
  }
  const until = new Date(now + days * dayMs);
  const made = await generate(
    [
      { name: 'commonName', value: names[0] ?? '' },
      { name: 'organizationName', value: 'VectorStream' },
    ],
    {
      // A day earlier: the clocks of phones and computers differ.
      keyType: 'ec',
      curve: 'P-256',
      algorithm: 'sha256',
      notBeforeDate: new Date(now - dayMs),
      notAfterDate: until,
      extensions: [
        // It vouches for this machine and for nobody else: whoever trusts it, and whoever steals
        // its key, gets no authority.
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
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await put(keyPath, made.private, 0o600);
    await put(certPath, made.cert, 0o644);
  } catch (cause) {
    throw new UsageError(
      `${folder} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  return { certPath, keyPath, until, fingerprint: new X509Certificate(made.cert).fingerprint256 };
}

/** A gateway that looks at the file meanwhile sees the old or the new one, whole. */
async function put(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
