// Reads the certificate and key for HTTPS, rejects an unusable pair, and picks up a renewed pair
// without a restart.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { UsageError } from '#core/errors/errors.ts';
import { watchFileChanges } from './watched-file.ts';

export type Certificate = {
  readonly cert: string;
  readonly key: string;
  /** UTC ms. */
  readonly expiresAt: number;
};

export type CertificateLog = {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** The alert `CertificateExpires` fires this long before a certificate expires. */
export const expiresSoonMs = 14 * 86_400_000;

/** @throws UsageError that names the unusable file and what is wrong with it */
export function readCertificate(
  certPath: string,
  keyPath: string,
  now: number,
  log: CertificateLog,
): Certificate {
  const cert = readText('VECTORSTREAM_TLS_CERT', certPath);
  const key = readText('VECTORSTREAM_TLS_KEY', keyPath);
  if (/PRIVATE KEY/.test(cert))
    throw new UsageError(
      `VECTORSTREAM_TLS_CERT: ${certPath} holds a private key: are the two files swapped?`,
    );
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw new UsageError(
      `VECTORSTREAM_TLS_CERT: ${certPath} holds no PEM certificate (-----BEGIN CERTIFICATE-----).`,
      { cause },
    );
  }
  if (!certificate.checkPrivateKey(privateKey(keyPath, key)))
    throw new UsageError(
      `VECTORSTREAM_TLS_KEY: ${keyPath} is not the key of the certificate in ${certPath}.`,
    );
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`VECTORSTREAM_TLS_CERT: ${certPath} cannot be used: ${reason}.`, {
      cause,
    });
  }
  warnOfDates(certificate, certPath, now, log);
  return { cert, key, expiresAt: certificate.validToDate.getTime() };
}

/** Calls `onRenewed` with each usable pair. An unusable one is logged, and the old pair stays. */
export function watchCertificate(
  certPath: string,
  keyPath: string,
  log: CertificateLog,
  onRenewed: (certificate: Certificate) => void,
): Disposable {
  const watches = [certPath, keyPath].map((path) =>
    watchFileChanges(path, () => {
      try {
        onRenewed(readCertificate(certPath, keyPath, Date.now(), log));
        log.info({ path: certPath }, 'reread the certificate');
      } catch (error) {
        // This also happens between the two writes of a renewal; the second one is noticed too.
        log.error(
          { reason: error instanceof Error ? error.message : String(error) },
          'cannot reread the certificate; it stays unchanged',
        );
      }
    }),
  );
  return {
    [Symbol.dispose]: () => {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

function readText(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new UsageError(`${variable}: ${path} cannot be read (${reason}).`, { cause });
  }
}

function privateKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isEncrypted = /ENCRYPTED/.test(pem);
    throw new UsageError(
      isEncrypted
        ? `VECTORSTREAM_TLS_KEY: ${path} is encrypted, and the gateway cannot ask for its ` +
            `passphrase. Decrypt it: openssl pkey -in ${path} -out key.pem`
        : `VECTORSTREAM_TLS_KEY: ${path} holds no PEM private key (-----BEGIN PRIVATE KEY-----).`,
      { cause },
    );
  }
}

function warnOfDates(
  { validFromDate, validToDate }: X509Certificate,
  path: string,
  now: number,
  log: CertificateLog,
): void {
  const from = validFromDate.getTime();
  const to = validToDate.getTime();
  if (now > to)
    log.warn(
      { path, expired_at: validToDate.toISOString() },
      'the certificate has expired: clients will refuse it',
    );
  else if (now < from)
    log.warn(
      { path, valid_from: validFromDate.toISOString() },
      'the certificate is not valid yet: clients will refuse it',
    );
  else if (to - now < expiresSoonMs)
    log.warn(
      { path, expires_at: validToDate.toISOString() },
      'the certificate expires within two weeks',
    );
}
