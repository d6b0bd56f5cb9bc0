// A real Kafka broker for tests that requires TLS and SASL, with its own certificate authority.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import selfsigned from 'selfsigned';
import { startKafkaBroker, type KafkaBroker } from './kafka-broker.ts';
import { freePort } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type SecuredKafkaBroker = AsyncDisposable & {
  /** Its other listener, without TLS and SASL. */
  readonly open: KafkaBroker;
  /** `host:port` */
  readonly brokers: string;
  /** The authority that signed its certificate, as NODE_EXTRA_CA_CERTS takes it. */
  readonly authorityFile: string;
};

export const username = 'shop';
/** Cannot occur in a log by chance. */
export const passwords = {
  plain: 'plain-Gr8-pa55',
  'scram-sha-256': 'scram256-Gr8-pa55',
  'scram-sha-512': 'scram512-Gr8-pa55',
} as const;

/** Valid for a day. Without an authority it is self-signed. */
async function certificate(
  name: string,
  authority: { readonly key: string; readonly cert: string } | null,
): Promise<{ readonly key: string; readonly cert: string }> {
  const made = await selfsigned.generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 86_400_000),
    extensions:
      authority === null
        ? [
            { name: 'basicConstraints', cA: true, critical: true },
            { name: 'keyUsage', keyCertSign: true, critical: true },
          ]
        : [
            { name: 'basicConstraints', cA: false },
            { name: 'extKeyUsage', serverAuth: true },
            { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
          ],
    ...(authority !== null && { ca: authority }),
  });
  return { key: made.private, cert: made.cert };
}

/** Escapes a value for a properties file. */
const oneLine = (pem: string): string => pem.trim().split(/\r?\n/).join('\\n');

export async function startSecuredKafkaBroker(): Promise<SecuredKafkaBroker> {
  const folder = await temporaryFolder();
  const authority = await certificate('VectorStream test authority', null);
  const own = await certificate('127.0.0.1', authority);
  const authorityFile = join(folder.path, 'authority.pem');
  await writeFile(authorityFile, authority.cert);
  const port = await freePort();
  const scram = (mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512', password: string) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ];
  const listener = 'listener.name.sasl_ssl';
  const open = await startKafkaBroker(
    {},
    {
      protocol: 'SASL_SSL',
      port,
      properties: {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.key': oneLine(own.key),
        'ssl.keystore.certificate.chain': oneLine(own.cert),
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        [`${listener}.plain.sasl.jaas.config`]:
          'org.apache.kafka.common.security.plain.PlainLoginModule required ' +
          `user_${username}="${passwords.plain}";`,
        [`${listener}.scram-sha-256.sasl.jaas.config`]:
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        [`${listener}.scram-sha-512.sasl.jaas.config`]:
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      },
      formatFlags: [
        ...scram('SCRAM-SHA-256', passwords['scram-sha-256']),
        ...scram('SCRAM-SHA-512', passwords['scram-sha-512']),
      ],
    },
  );
  return {
    open,
    brokers: `127.0.0.1:${port}`,
    authorityFile,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
