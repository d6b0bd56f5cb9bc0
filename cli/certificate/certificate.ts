// `npm run certificate`: makes a certificate for HTTPS in the local network. Without HTTPS,
// browsers give a page of another machine neither WebGPU nor threads.

import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import {
  integer,
  text,
  texts,
  toggle,
  type Command,
  type FlagValues,
  section,
  orVariables,
} from '../flags.ts';
import { runCommand } from '../run-command.ts';
import { certificateNames, ownNames } from './machine-names.ts';
import { makeCertificate } from './make-certificate.ts';

const dataDir = process.env['VECTORSTREAM_DATA_DIR'] || '.vectorstream';

const flags = {
  ...section('Certificate', {
    host: texts(
      'NAME',
      'name or address of this machine for others; may be repeated (default: all that it has)',
    ),
    days: integer('N', 397, 1, 825, 'days for which it is valid; phones accept 825 at most'),
  }),
  ...section('Files', {
    out: orVariables(
      'VECTORSTREAM_DATA_DIR with /tls',
      text('DIR', join(dataDir, 'tls'), 'folder for the two files'),
    ),
    force: toggle('replaces an old certificate'),
  }),
};

const command: Command<typeof flags> = {
  usage: 'npm run certificate --',
  about:
    'Makes a key and a self-signed certificate for HTTPS in the local network. If this machine ' +
    'has ' +
    'a public name,\nuse a certificate of a public authority instead.',
  flags,
  operands: [],
  variables: {},
};

async function certificate({ host, out, days, force }: FlagValues<typeof flags>): Promise<number> {
  const names = certificateNames(host, { hostName: hostname(), interfaces: networkInterfaces() });
  const made = await makeCertificate({ names, folder: out, days, now: systemClock.now(), force });
  const first = names.find((name) => !ownNames.includes(name)) ?? '';
  const address = `${isIP(first) === 6 ? `[${first}]` : first}:8080`;
  const { certPath, keyPath, until, fingerprint } = made;
  const tls = `VECTORSTREAM_TLS_CERT=${certPath} VECTORSTREAM_TLS_KEY=${keyPath}`;
  const trust = 'NODE_EXTRA_CA_CERTS=certificate.pem';
  const lines = [
    `Made ${certPath} and ${keyPath}, valid until ${until.toISOString().slice(0, 10)}, for`,
    `  ${names.join('  ')}`,
    '',
    'Start the gateway with it, with a key and a token of your own (openssl rand -base64 32):',
    `  VECTORSTREAM_HOST=0.0.0.0 ${tls} \\`,
    '  VECTORSTREAM_API_KEY=… VECTORSTREAM_RUNNER_TOKEN=… npm start',
    '',
    'On another computer or phone, open',
    `  https://${address}/runner`,
    'The browser warns that it does not know who made the certificate. ' +
      'Look at it there: its SHA-256 fingerprint must be',
    `  ${fingerprint}`,
    'Then choose Advanced (Safari: Show Details) and go on to the page. It asks once per device.',
    '',
    `Runners and commands on other machines: copy ${certPath} (never the key) there, and run`,
    `  ${trust} VECTORSTREAM_GATEWAY_URL=wss://${address} ` +
      'VECTORSTREAM_RUNNER_TOKEN=… npm run runner',
    `  ${trust} VECTORSTREAM_API_KEY=… npm run generate -- --target https://${address}`,
    '',
  ];
  process.stdout.write(lines.join('\n'));
  return 0;
}

await runCommand(command, process.argv.slice(2), certificate);
