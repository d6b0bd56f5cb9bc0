// Every call to a database worker ends, and the death of a worker is reported once.

import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import {
  DependencyError,
  IndexMismatchError,
  LogFullError,
  UsageError,
} from '#core/errors/errors.ts';
import { WorkerClient } from '../../gateway/embedded/worker-rpc.ts';
import type { EchoApi } from './echo-worker.ts';

function start(mode: string): { client: WorkerClient<EchoApi>; deaths: string[] } {
  const deaths: string[] = [];
  const worker = new Worker(new URL('./echo-worker.ts', import.meta.url), {
    workerData: mode,
    execArgv: [],
  });
  return {
    client: new WorkerClient(worker, 'echo', (error) => deaths.push(error.message)),
    deaths,
  };
}

it('each call gets its own answer, and typed arrays are transferred', async () => {
  const { client } = start('');
  await client.ready();
  const bytes = new Uint8Array([1, 2, 3]);
  expect(
    await Promise.all([
      client.call('echo', 'a'),
      client.call('echo', bytes),
      client.call('echo', null),
    ]),
  ).toEqual(['a', new Uint8Array([1, 2, 3]), null]);
  expect(bytes.length).toBe(0);
  const view = new Uint8Array(8).subarray(2, 4);
  expect(await client.call('echo', view)).toEqual(new Uint8Array(2));
  expect(view.length).toBe(2);
  await client.close();
});

it('errors keep class, code and retryability; the other calls are answered', async () => {
  const { client } = start('');
  await client.ready();
  const [failed, fine] = await Promise.allSettled([
    client.call('fail', 'DependencyError'),
    client.call('echo', 1),
  ]);
  expect(failed).toMatchObject({
    reason: { code: 'busy', retryable: true, message: 'It is busy.' },
  });
  expect(fine).toEqual({ status: 'fulfilled', value: 1 });
  await expect(client.call('fail', 'DependencyError')).rejects.toThrow(DependencyError);
  await expect(client.call('fail', 'UsageError')).rejects.toThrow(UsageError);
  await expect(client.call('fail', 'LogFullError')).rejects.toThrow(LogFullError);
  await expect(client.call('fail', 'IndexMismatchError')).rejects.toThrow(IndexMismatchError);
  await expect(client.call('fail', 'TypeError')).rejects.toThrow('An unexpected error.');
  await client.close();
});

it('the death of a worker rejects pending and later calls, and is reported once', async () => {
  const { client, deaths } = start('');
  await client.ready();
  const pending = Promise.allSettled([client.call('die', null), client.call('echo', 1)]);
  for (const result of await pending)
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'worker_stopped', retryable: true },
    });
  await expect(client.call('echo', 1)).rejects.toThrow('The echo has stopped (It crashed.)');
  await client.close();
  expect(deaths.length).toBe(1);
});

it('a worker that cannot start says why, and is not reported as dead', async () => {
  const { client, deaths } = start('cannot start');
  await expect(client.ready()).rejects.toThrow(new UsageError('The folder is not there.'));
  await client.close();
  expect(deaths).toEqual([]);
});

it('close answers earlier calls, and refuses later ones', async () => {
  const { client, deaths } = start('');
  await client.ready();
  const before = client.call('echo', 'before');
  const closed = client.close();
  await expect(client.call('echo', 'after')).rejects.toThrow('The echo is closed.');
  expect(await before).toBe('before');
  await closed;
  expect(deaths).toEqual([]);
});
