// A person is erased from the data folder of a real gateway that is killed again and again
// meanwhile, and does not come back when the events are sent again.

import { expect, test } from 'vitest';
import {
  beforeSignIn,
  filesWith,
  guest,
  isDeadLetter,
  lost,
  other,
  recordsOf,
} from '../helpers/erased-person.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const perSession = 2;
const ofLost = recordsOf(lost, 1_000, perSession);
const ofOther = recordsOf(other, 300);
const valid = [...ofLost, ...ofOther].filter((_, n) => !isDeadLetter(n));
const msMax = 120_000;

type Items = { readonly items: readonly Readonly<Record<string, unknown>>[] };
async function itemsAt(gateway: RunningGateway, path: string): Promise<Items['items']> {
  const { status, body } = await gateway.get(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented shape
  return (body as Items).items;
}

const send = async (gateway: RunningGateway, values: readonly string[]): Promise<void> => {
  const answer = await gateway.post(
    '/events?on_invalid=dead_letter',
    values.join('\n'),
    'application/x-ndjson',
  );
  expect(answer.status).toBe(202);
  await gateway.idle(msMax);
};
const eventsOf = (gateway: RunningGateway, user: string) =>
  itemsAt(gateway, `/events?limit=1000&user_id=${encodeURIComponent(user)}`);
/** Events and dead letters of the one who stays. */
const othersOf = async (gateway: RunningGateway) => ({
  events: await eventsOf(gateway, other),
  deadLetters: (await itemsAt(gateway, '/dlq/messages?limit=200')).filter((deadLetter) =>
    JSON.stringify(deadLetter).includes(other),
  ),
});

test('a gateway that is killed three times while it erases a person leaves nothing behind', async ({
  skip,
}) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  const output: string[] = [];
  const die = async (gateway: RunningGateway): Promise<number> => {
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    output.push(gateway.stdout(), gateway.stderr());
    await until(
      'all processes of the killed gateway have ended',
      180_000,
      () => processesOf(folder.path).length === 0,
    );
    return readStore(folder.path).eventIds.length;
  };

  let gateway = await startGateway(folder.path);
  await gateway.ready();
  await send(
    gateway,
    [...ofLost, ...ofOther, beforeSignIn].map(({ value }) => value),
  );
  const before = await othersOf(gateway);
  expect(before.events).toHaveLength(282);
  expect(before.deadLetters).toHaveLength(18);
  expect(await filesWith(folder.path, lost)).not.toEqual([]);

  const { status, body } = await ask(gateway, `/users/${encodeURIComponent(lost)}`);
  expect(status).toBe(202);
  const left = [await die(gateway)];
  // Twice at some moment while events disappear.
  for (const share of [0.9, 0.4]) {
    gateway = await startGateway(folder.path);
    await until(
      'a part of the events is erased',
      msMax,
      async () => (await eventsOf(gateway, lost)).length < share * 940,
    );
    left.push(await die(gateway));
  }
  expect(left[0]).toBeGreaterThan(before.events.length);
  expect(left.toSorted((a, b) => b - a)).toEqual(left);

  gateway = await startGateway(folder.path);
  const progress = `/erasures/${body.receipt}`;
  await until('the erasure is done', msMax, async () =>
    JSON.stringify((await gateway.get(progress)).body).includes('"state":"done"'),
  );
  expect(await filesWith(folder.path, lost, guest)).toEqual([]);
  expect(await othersOf(gateway)).toEqual(before);

  await send(
    gateway,
    [...valid, beforeSignIn].map(({ value }) => value),
  );
  expect(String((await gateway.get('/metrics')).body)).toContain(
    'vectorstream_events_erased_total 941',
  );
  expect(await eventsOf(gateway, lost)).toEqual([]);
  await until(
    'the files are clean again',
    msMax,
    async () => (await filesWith(folder.path, lost, guest)).length === 0,
  );
  expect(await othersOf(gateway)).toEqual(before);
  await die(gateway);
  expect(await filesWith(folder.path, lost, guest)).toEqual([]);
  // A gateway that runs names nobody; the path of the request is there at the level debug only.
  expect(output.join('')).not.toContain('anna');
  process.stdout.write(`events left after each kill: ${left.join(', ')} of ${942 + 281}\n`);
});

async function ask(gateway: RunningGateway, path: string) {
  const response = await fetch(`${gateway.url}${path}`, { method: 'DELETE' });
  return { status: response.status, body: await response.json() };
}
