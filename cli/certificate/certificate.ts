// `npm run certificate`: HTTPS for the local network, without which browsers give a page of another
// machine neither WebGPU nor threads.

import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import {
  integer,
  runCommand,
  text,
  texts,
  toggle,
  type Command,
  type FlagValues,
} from '../flags.ts';
import { certificateNames, ownNames } from './machine-names.ts';
import { makeCertificate } from './make-certificate.ts';

const dataDir = process.env['VECTORSTREAM_DATA_DIR'] || '.vectorstream';

const flags = {
  host: texts(
    'NAME',
    'a name or address by which others reach this machine; may be given several times (default: all that it has)',
  ),
  out: text('DIR', join(dataDir, 'tls'), 'folder of the two files'),
  days: integer('N', 397, 1, 825, 'how long it is valid; phones take no more than 825 days'),
  force: toggle('puts the new certificate in the place of an old one'),
};

const command: Command<typeof flags> = {
  usage: 'npm run certificate --',
  about:
    'Makes a key and a certificate for HTTPS in the local network, signed by itself. Where others know this machine by a public name, use\na certificate of a public authority instead.',
  flags,
  operands: [],
};

async function certificate({ host, out, days, force }: FlagValues<typeof flags>): Promise<number> {
  const names = certificateNames(host, { hostName: hostname(), interfaces: networkInterfaces() });
  const made = await makeCertificate({ names, folder: out, days, now: systemClock.now(), force });
  const first = names.find((name) => !ownNames.includes(name)) ?? '';
  const address = `${isIP(first) === 6 ? `[${first}]` : first}:8080`;
  process.stdout
    .write(`Made ${made.certPath} and ${made.keyPath}, valid until ${made.until.toISOString().slice(0, 10)}, for
  ${names.join('  ')}

Start the gateway with it, with a key and a token of your own (openssl rand -base64 32):
  VECTORSTREAM_HOST=0.0.0.0 VECTORSTREAM_TLS_CERT=${made.certPath} VECTORSTREAM_TLS_KEY=${made.keyPath} \\
  VECTORSTREAM_API_KEY=… VECTORSTREAM_RUNNER_TOKEN=… npm start

On another computer or phone, open
  https://${address}/runner
The browser warns that it does not know who made the certificate. Look at it there: its SHA-256 fingerprint must be
  ${made.fingerprint}
Then choose Advanced (in Safari: Show Details) and go on to the page. It asks once per device.

Runners and commands on other machines: copy ${made.certPath} (never the key) there, and
  NODE_EXTRA_CA_CERTS=certificate.pem VECTORSTREAM_GATEWAY_URL=wss://${address} VECTORSTREAM_RUNNER_TOKEN=… npm run runner
  NODE_EXTRA_CA_CERTS=certificate.pem VECTORSTREAM_API_KEY=… npm run generate -- --target https://${address}
`);
  return 0;
}

await runCommand(command, process.argv.slice(2), certificate);
