// A stream of NDJSON to a real gateway process breaks in the middle: accepted events stay, and a
// complete resend adds only the rest.

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { event } from './test-services.ts';

test('a connection lost in mid-body loses no accepted event; a resend makes no copy', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path);
  const kettle = { id: 'p-1', name: 'Red kettle', price: 12.5 };
  const description = 'x'.repeat(300);
  const lines = Array.from(
    { length: 3000 },
    (_, index) =>
      `${JSON.stringify(event({ event_id: `e-${index}`, product: { ...kettle, description } }))}\n`,
  );
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(
    `POST /events HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: ` +
      'application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const half = lines.slice(0, 2000).join('');
  socket.write(`${Buffer.byteLength(half).toString(16)}\r\n${half}\r\n`);
  await until(
    'the first portions are in the log',
    180_000,
    async () => (await gateway.stats()).events.received > 500,
  );
  socket.destroy();

  const again = await gateway.post('/events', lines.join(''), 'application/x-ndjson');
  expect(again).toMatchObject({ status: 202, body: { accepted: 3000, rejected: 0 } });
  const { events, store, dead_letters } = await gateway.idle();
  expect([store.events, dead_letters.open]).toEqual([3000, 0]);
  expect(events.superseded).toBe(events.stored - 3000);
  expect(events.superseded).toBeGreaterThan(500);
});
