// Tests the runner's health check against the kernel's table of connections, recorded and real.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { isJoined } from '../../deploy/runner-health.ts';
import { root } from './compose-file.ts';

const heading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when ' +
  'retrnsmt   uid  timeout inode';
/** 0x1F90 is port 8080. States: 01 established, 02 SYN sent, 0A listening. */
const line = (remote: string, state: string) =>
  `   0: 050012AC:9C40 ${remote} ${state} 00000000:00000000 ` +
  '00:00000000 00000000  1000        0 31337 1 0';
const table = (...lines: readonly string[]) => [heading, ...lines, ''].join('\n');

describe('a runner is well', () => {
  test('while a connection to a gateway is open', () => {
    expect(isJoined('ws://gateway:8080', [table(line('030012AC:1F90', '01')), ''])).toBe(true);
    expect(
      isJoined('ws://gateway:8080', [
        '',
        table(line('0000000000000000FFFF0000030012AC:1F90', '01')),
      ]),
    ).toBe(true);
    expect(
      isJoined('ws://other:9000, ws://gateway:8080', [table(line('030012AC:1F90', '01'))]),
    ).toBe(true);
  });

  test('not while it connects, listens, or is connected elsewhere', () => {
    expect(
      isJoined('ws://gateway:8080', [
        table(
          line('030012AC:1F90', '02'),
          line('00000000:1F90', '0A'),
          line('030012AC:1F91', '01'),
        ),
      ]),
    ).toBe(false);
    expect(isJoined('ws://gateway:8080', [table(), ''])).toBe(false);
  });

  test('on the default port of an address without a port', () => {
    expect(isJoined('wss://gateway', [table(line('030012AC:01BB', '01'))])).toBe(true);
    expect(isJoined('ws://gateway', [table(line('030012AC:0050', '01'))])).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')(
    'according to the exit code of the program (Linux, as in the image)',
    async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const check = () =>
        promisify(execFile)(process.execPath, [join(root, 'deploy/runner-health.ts')], {
          env: { VECTORSTREAM_GATEWAY_URL: `ws://127.0.0.1:${port}` },
        });
      await expect(check()).rejects.toMatchObject({
        code: 1,
        stdout: `not joined to ws://127.0.0.1:${port}\n`,
      });
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      await expect(check()).resolves.toMatchObject({ stdout: 'joined\n' });
      socket.destroy();
      server.close();
    },
  );
});
