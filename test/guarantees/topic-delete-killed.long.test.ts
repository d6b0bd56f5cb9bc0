// A gateway is killed (SIGKILL) in the middle of a delete by records of its log: nothing that they
// delete is found after the restart, also when the events are sent again.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { storedIdOf } from '#core/event/event-id.ts';
import type { LogRecord } from '#core/ports.ts';
import { openGatewayModel } from '../../gateway/fleet/open-model.ts';
import { openFolder } from '../adapters/embedded-harness.ts';
import { sentEvent } from '../helpers/deleting-gateway.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const eventCount = 60;
const deletedCount = 40;
const hourAgo = Date.now() - 3_600_000;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Every fourth event is a search with a query of its own. */
const events = Array.from({ length: eventCount }, (_, n) => {
  const what = n % 4 === 0 ? { query: `wish ${n}` } : { product: `lamp ${n % 3}` };
  return { ...sentEvent(`e-${n}`, what, hourAgo), key: bytes(`e-${n}`) };
});
/** As Debezium reports a deleted row. It comes after its event, in the same partition. */
const deletes = events.slice(0, deletedCount).map(({ key }): LogRecord => ({
  key,
  value: bytes('{"op": "d", "before": null, "after": null}'),
  headers: {},
  timestamp: hourAgo + 60_000,
}));
const keptIds = Array.from({ length: eventCount - deletedCount }, (_, n) =>
  storedIdOf(`e-${n + deletedCount}`),
).toSorted();

test('a gateway that is killed while records delete leaves nothing of it behind', async ({
  skip,
}) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  const mapping = join(folder.path, 'deletes.yaml');
  await writeFile(mapping, 'delete_by: event_id\n');
  {
    const { identity } = await openGatewayModel('models/all-MiniLM-L6-v2');
    await using embedded = await openFolder(folder.path, { identity });
    await embedded.sink.append([...events, ...deletes]);
  }
  const start = () =>
    startGateway(folder.path, {
      VECTORSTREAM_EVENTS_MAPPINGS: mapping,
      // So that the deletes take several seconds: each waits for one, and ten do so at once.
      VECTORSTREAM_PIPELINE_UNSETTLED_MAX: '10',
    });
  const countOf = async (name: string, { get }: Pick<Awaited<ReturnType<typeof start>>, 'get'>) =>
    Number(new RegExp(`^${name} (\\d+)`, 'm').exec(String((await get('/metrics')).body))?.[1]);
  const deleted = 'vectorstream_deletes_total\\{kind="event"\\}';

  const first = await start();
  await until('a part is deleted', 180_000, async () => (await countOf(deleted, first)) >= 10);
  first.child.kill('SIGKILL');
  await first.ended;
  await until(
    'all processes of the killed gateway have ended',
    180_000,
    () => processesOf(folder.path).length === 0,
  );
  const { committed, log } = readStore(folder.path);
  expect(committed).toBeLessThan(log.length);

  await using second = await start();
  await second.idle();
  expect(readStore(folder.path).eventIds.toSorted()).toEqual(keptIds);
  const again = events.map(({ value }) => new TextDecoder().decode(value)).join('\n');
  expect((await second.post('/events', again, 'application/x-ndjson')).status).toBe(202);
  await second.idle();
  expect(readStore(folder.path).eventIds.toSorted()).toEqual(keptIds);
  const { body } = await second.post(
    '/search',
    '{"query": "wish 4", "mode": "meaning", "limit": 100}',
  );
  const found = [...JSON.stringify(body).matchAll(/"event_id":"e-(\d+)"/g)].map(([, n]) =>
    Number(n),
  );
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((n) => n < deletedCount)).toEqual([]);
});
