// `npm run certificate`: the names it accepts, what it refuses, and that its key and certificate
// belong together.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateNames, type Machine } from '../../cli/certificate/machine-names.ts';
import { makeCertificate } from '../../cli/certificate/make-certificate.ts';
import { runProgram } from '../helpers/program.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo => ({
  address,
  internal,
  netmask: '',
  mac: '',
  cidr: null,
  ...(address.includes(':')
    ? { family: 'IPv6' as const, scopeid: 0 }
    : { family: 'IPv4' as const }),
});
const laptop: Machine = {
  hostName: 'Laptop',
  interfaces: {
    lo: [at('127.0.0.1', true), at('::1', true)],
    wlan: [at('192.168.1.20'), at('fe80::1'), at('2001:db8::5')],
    vpn: [at('169.254.3.4')],
  },
};

describe('the names', () => {
  test('are all by which others reach this machine, and its own', () => {
    expect(certificateNames([], laptop)).toEqual([
      '192.168.1.20',
      '2001:db8::5',
      'laptop',
      'laptop.local',
      'localhost',
      '127.0.0.1',
      '::1',
    ]);
    expect(certificateNames(['Box.LAN', '10.0.0.1', 'localhost'], laptop)).toEqual([
      'box.lan',
      '10.0.0.1',
      'localhost',
      '127.0.0.1',
      '::1',
    ]);
  });

  test('that no other machine could use are refused, with what to do', () => {
    for (const asked of [['localhost'], ['127.0.0.1', '::1', 'app.localhost']])
      expect(() => certificateNames(asked, laptop)).toThrow(
        'browsers count http://localhost as secure',
      );
    expect(() =>
      certificateNames([], { hostName: 'box', interfaces: { lo: [at('127.0.0.1', true)] } }),
    ).toThrow('This machine has no address in a network.');
  });

  test.each(['https://box', 'box:8080', 'two words', '', '-x', '*'])('%s is refused', (name) => {
    expect(() => certificateNames([name], laptop)).toThrow('allowed: host names and IP addresses');
  });
});

const run = (...args: string[]) =>
  runProgram({ script: 'cli/certificate/certificate.ts', flags: args, environment: {} });

describe('the command', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vectorstream-certificate-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('makes both files, the key for this user alone; replaces them only if asked', async () => {
    const out = join(folder, 'made', 'tls');
    const made = await run(
      '--host',
      '192.168.1.5',
      '--host',
      'box.lan',
      '--out',
      out,
      '--days',
      '30',
    );
    expect([made.code, made.stderr]).toEqual([0, '']);
    const pem = await readFile(join(out, 'certificate.pem'), 'utf8');
    const certificate = new X509Certificate(pem);
    const key = createPrivateKey(await readFile(join(out, 'key.pem'), 'utf8'));
    expect(certificate.checkPrivateKey(key)).toBe(true);
    for (const name of ['192.168.1.5', '127.0.0.1', '::1'])
      expect(certificate.checkIP(name)).toBeDefined();
    for (const name of ['box.lan', 'localhost']) expect(certificate.checkHost(name)).toBe(name);
    expect(certificate.checkHost('evil.example')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(Math.round((certificate.validToDate.getTime() - Date.now()) / 86_400_000)).toBe(30);
    expect((await stat(join(out, 'key.pem'))).mode & 0o777).toBe(0o600);
    expect(made.stdout).toContain(certificate.fingerprint256);
    expect(made.stdout).toContain('https://192.168.1.5:8080/runner');
    expect(made.stdout).not.toContain('PRIVATE');

    const again = await run('--host', 'box.lan', '--out', out);
    expect([again.code, again.stderr]).toEqual([
      2,
      expect.stringMatching(/^[^\n]*certificate\.pem exists already: --force replaces it[^\n]*\n$/),
    ]);
    expect(await readFile(join(out, 'certificate.pem'), 'utf8')).toBe(pem);
    expect((await run('--host', 'box.lan', '--out', out, '--force')).code).toBe(0);
    expect(await readFile(join(out, 'certificate.pem'), 'utf8')).not.toBe(pem);
  });

  test('refuses in one line', async () => {
    const [loopback, file] = await Promise.all([
      run('--host', 'localhost', '--out', folder),
      run('--host', 'box.lan', '--out', import.meta.filename),
    ]);
    expect([loopback.code, loopback.stderr]).toEqual([
      2,
      expect.stringMatching(/^This machine alone needs no certificate[^\n]*\n$/),
    ]);
    expect([file.code, file.stderr]).toEqual([
      2,
      expect.stringMatching(/^[^\n]*cannot be written[^\n]*\n$/),
    ]);
  });

  test('with IPv6 alone makes one that can be read back', async () => {
    const made = await makeCertificate({
      names: ['fd00::5'],
      folder: join(folder, 'six'),
      days: 1,
      now: Date.now(),
      force: false,
    });
    expect(new X509Certificate(await readFile(made.certPath, 'utf8')).checkIP('fd00::5')).toBe(
      'fd00::5',
    );
  });
});
