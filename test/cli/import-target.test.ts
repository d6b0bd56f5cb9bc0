// Which gateway an import connects to, and how it reads the answers of a scripted server.

import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { systemClock } from '#core/time/clock.ts';
import { connectTarget, type TargetOptions } from '../../cli/import/import-target.ts';
import { lockFolder } from '../../gateway/embedded/folder-lock.ts';
import { freePort } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { scriptedGateway, type ScriptedGateway } from './helpers/scripted-http-gateway.ts';

const stats = (events: number, lag: number | null) => ({
  events: { received: 0, stored: 0, superseded: 0, dead_lettered: 0, unsettled: lag ?? 0, lag },
  runners: [],
  store: { texts: 0, events },
  dead_letters: { open: 0 },
});

const optionsOf = (url: string | null, port: number): TargetOptions => ({
  url,
  dataDir: tmpdir(),
  environment: { VECTORSTREAM_PORT: String(port) },
  gatewayScript: '',
  clock: systemClock,
  stop: new AbortController().signal,
  abandon: new AbortController().signal,
  say: () => {},
  onWait: () => {},
});

const connect = (url: string | null, port: number) => connectTarget(optionsOf(url, port));

const lines = (...ids: string[]) => ids.map((id) => new TextEncoder().encode(id));

describe('the gateway of an import', () => {
  it('is the one that already runs on this machine, and keeps running', async () => {
    await using gateway = await scriptedGateway(({ path }) => ({
      status: 200,
      body: path === '/stats' ? stats(0, 0) : {},
    }));
    await using target = await connect(null, gateway.port);
    expect(target).toMatchObject({ own: false, url: gateway.url });
  });

  it('is waited for, when it has taken the data folder and does not answer yet', async () => {
    await using folder = await temporaryFolder();
    using _ = lockFolder(folder.path);
    const port = await freePort();
    const waits: string[] = [];
    let gateway: ScriptedGateway | undefined;
    await using target = await connectTarget({
      ...optionsOf(null, port),
      dataDir: folder.path,
      clock: {
        ...systemClock,
        // The gateway begins to listen while the import waits.
        sleep: async () => {
          gateway ??= await scriptedGateway(() => ({ status: 200, body: stats(0, 0) }), port);
        },
      },
      onWait: (reason) => waits.push(reason),
    });
    expect(target.own).toBe(false);
    expect(waits).toEqual([`the gateway of process ${process.pid} is starting`]);
    await gateway?.[Symbol.asyncDispose]();
  });

  it('is waited for, when it took the folder before the one that the import starts', async () => {
    await using folder = await temporaryFolder();
    await using open = new AsyncDisposableStack();
    const gatewayScript = join(folder.path, 'gateway.mjs');
    await writeFile(gatewayScript, 'process.exit(2);');
    const port = await freePort();
    const waits: string[] = [];
    let isTaken = false;
    await using target = await connectTarget({
      ...optionsOf(null, port),
      dataDir: folder.path,
      gatewayScript,
      environment: {
        VECTORSTREAM_PORT: String(port),
        // It is read to start a gateway, after none was found.
        get LOG_LEVEL() {
          if (!isTaken) open.use(lockFolder(folder.path));
          isTaken = true;
          return 'info';
        },
      },
      clock: {
        ...systemClock,
        async sleep(ms, signal) {
          if (waits.at(-1) === `the gateway of process ${process.pid} is starting`)
            open.use(await scriptedGateway(() => ({ status: 200, body: stats(0, 0) }), port));
          else await systemClock.sleep(ms, signal);
        },
      },
      onWait: (reason) => waits.push(reason),
    });
    expect(target.own).toBe(false);
  });

  it('is asked for, when the folder is in use and nothing answers at the address', async () => {
    await using folder = await temporaryFolder();
    using _ = lockFolder(folder.path);
    const clock = new ManualClock();
    const connecting = connectTarget({
      ...optionsOf(null, await freePort()),
      dataDir: folder.path,
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        sleep: () => clock.advance(60_000),
      },
    });
    await expect(connecting).rejects.toThrow(/Process \d+ uses the data folder .*--target/);
  });

  it('is not another program that listens there', async () => {
    await using gateway = await scriptedGateway(() => ({ status: 404, body: {} }));
    await expect(connect(null, gateway.port)).rejects.toThrow(
      /is not a gateway \(404 to \/livez\).*--target/,
    );
  });

  it('needs an http address', async () => {
    await expect(connect('localhost:8080', 1)).rejects.toBeInstanceOf(UsageError);
    await expect(connect('nonsense', 1)).rejects.toThrow(/--target is "nonsense"; .*http:/);
  });

  it('is polled until everything is searchable, and its store’s growth is reported', async () => {
    const answers = [
      stats(100, 0),
      stats(100, null),
      stats(120, 30),
      stats(140, 10),
      stats(150, 0),
    ];
    await using gateway = await scriptedGateway(({ path }) => ({
      status: 200,
      body: path === '/stats' ? answers.shift() : {},
    }));
    await using target = await connect(null, gateway.port);
    const left: [number, string][] = [];
    expect(
      await target.searchable(new AbortController().signal, (...seen) => left.push(seen)),
    ).toEqual({ added: 50, deadLettered: 0 });
    expect(left).toEqual([
      [0, 'waiting for the event log'],
      [30, 'waiting for a runner'],
      [10, 'waiting for a runner'],
      [0, ''],
    ]);
  });

  it('names exactly the rows of a batch that it refuses, in its own words', async () => {
    await using gateway = await scriptedGateway(({ path, body }) => {
      if (!path.startsWith('/events')) return { status: 200, body: stats(0, 0) };
      const items = body
        .trim()
        .split('\n')
        .map((id, index) =>
          id.startsWith('bad')
            ? {
                index,
                event_id: null,
                status: 'rejected',
                error: { code: 'invalid_event', message: `${id} is bad`, field: null },
              }
            : { index, event_id: id, status: 'accepted' },
        );
      const rejected = items.filter(({ status }) => status === 'rejected').length;
      if (rejected === items.length)
        return {
          status: 400,
          body: { code: 'no_event_accepted', detail: 'None is valid.', items },
        };
      const accepted = items.length - rejected;
      return { status: 202, body: { accepted, rejected, dead_lettered: 0, items } };
    });
    await using target = await connect(null, gateway.port);
    expect([...(await target.post(lines('a', 'b', 'c')))]).toEqual([]);
    expect([...(await target.post(lines('bad1', 'b', 'c', 'bad2', 'e')))]).toEqual([
      [0, 'bad1 is bad'],
      [3, 'bad2 is bad'],
    ]);
    expect([...(await target.post(lines('bad1')))]).toEqual([[0, 'bad1 is bad']]);
  });

  it('must account for every row: otherwise the import ends', async () => {
    await using gateway = await scriptedGateway(({ path }) => ({
      status: path.startsWith('/events') ? 202 : 200,
      body: path.startsWith('/events') ? { accepted: 1, rejected: 1, items: [] } : stats(0, 0),
    }));
    await using target = await connect(null, gateway.port);
    await expect(target.post(lines('a', 'b'))).rejects.toThrow(
      'accepted 1 and rejected 1 of 2 events, with 0 reasons',
    );
  });
});
