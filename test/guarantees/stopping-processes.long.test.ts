// However a program is started and ended, its children end before it and no process is left.

import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { browserExecutable, needsBrowser } from '../helpers/browser.ts';
import { expectExactlyOnce, expectNotEmbeddedAgain } from '../helpers/exactly-once.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { startByNpm } from '../helpers/npm-program.ts';
import { needsProcessList, pidsOf, processesOf, type Role } from '../helpers/process-list.ts';
import { freePort, oneRunner, startProgram, type Program } from '../helpers/program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { toldUntilStopped, type WayToStop } from './stopping-by-npm.ts';

const root = join(import.meta.dirname, '..', '..');
const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const rolesOf = (folder: string): readonly Role[] => processesOf(folder).map(({ role }) => role);
test.for<WayToStop>([
  ['SIGHUP', 'npm alone', 'SIGTERM'],
  ['SIGKILL', 'npm alone', 'SIGTERM'],
  ['SIGTERM', 'the process group', 'SIGTERM'],
  ['SIGHUP', 'the process group', 'SIGTERM'],
  ['SIGKILL', 'the process group', 'disconnect'],
])('%s to %s ends a program of npm once, by %s', async (way, { skip }) => {
  needsProcessList(skip);
  expect(await toldUntilStopped(way)).toEqual([way[2], 'the child has ended']);
});

const settings = { ...oneRunner, LOG_FORMAT: 'json' };

/** A script with its flags, and the roles that must run before it is ended. */
type Command = readonly [
  name: string,
  roles: readonly Role[],
  program: (folder: string) => readonly string[],
];

test.for<Command>([
  ['start', ['gateway', 'worker'], () => ['gateway/main.ts']],
  ['runner', ['supervisor', 'worker'], () => ['node-runner/main.ts']],
  ['browser-runner', ['browser-runner', 'browser'], () => ['browser-runner/main.ts']],
  ['demo', ['demo', 'gateway', 'worker'], () => ['cli/demo/demo.ts', '--count', '100000']],
  ['generate', ['other'], () => ['cli/generator/generate.ts', '--duration', '60', '--out', '-']],
  ['import', ['gateway', 'worker'], (folder) => ['cli/import/import.ts', eventsIn(folder)]],
  ['bench', ['gateway', 'worker'], () => ['bench/bench.ts', '--only', 'stream', '--quick']],
  ['soak', ['gateway', 'worker'], () => ['bench/soak/soak.ts', '--minutes', '5']],
])('SIGTERM to npm alone leaves nothing of %s', async ([name, roles, program], { skip }) => {
  needsProcessList(skip);
  if (name === 'browser-runner') await needsBrowser(skip);
  await using folder = await temporaryFolder();
  await writeFile(eventsIn(folder.path), manyEvents());
  const [script = '', ...flags] = program(folder.path);
  const { pid } = await startByNpm(folder.path, [join(root, script), ...flags], {
    ...settings,
    ...(name === 'browser-runner' && {
      VECTORSTREAM_RUNNER_DEVICE: 'wasm',
      PUPPETEER_EXECUTABLE_PATH: (await browserExecutable()) ?? '',
    }),
    VECTORSTREAM_PORT: String(await freePort()),
  });
  await until(`${roles.join(' and ')} of ${name}`, 180_000, () => {
    const running = rolesOf(folder.path);
    return roles.every((role) => running.includes(role));
  });
  const running = processesOf(folder.path);
  process.kill(pid, 'SIGTERM');
  await until('all of them are gone', 180_000, () => !running.some((one) => isThere(one.pid)));
  expect(processesOf(folder.path)).toEqual([]);
});

const start = (folder: string, through: readonly string[] = []): Program =>
  startProgram({
    script: 'gateway/main.ts',
    flags: ['--port', '0'],
    environment: { ...settings, VECTORSTREAM_DATA_DIR: folder },
    group: true,
    through,
  });
const untilWorking = (program: Program, folder: string): Promise<unknown> =>
  until(
    'its runner works',
    180_000,
    () => rolesOf(folder).includes('worker') && program.stdout().includes('runner ready'),
  );

describe('a gateway that no npm has started', () => {
  test('ends in order when each of its processes is told to at once', async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using gateway = start(folder.path);
    await untilWorking(gateway, folder.path);
    for (let time = 1; time <= 2; time++)
      for (const { pid } of processesOf(folder.path)) process.kill(pid, 'SIGTERM');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(processesOf(folder.path)).toEqual([]);
  });

  test('goes on when its terminal ends, under nohup, and when its parent does', async ({
    skip,
  }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    // The shell ends at once, as it does after a command with `&`.
    const through = ['sh', '-c', 'nohup "$@" & wait $!; exit', 'sh'];
    await using shell = start(folder.path, through);
    await untilWorking(shell, folder.path);
    process.kill(-shell.pid, 'SIGHUP');
    await shell.ended;
    const [gateway] = pidsOf(folder.path, 'gateway');
    expect(gateway).toBeDefined();
    if (gateway === undefined) return;
    await until('a runner works again', 180_000, () => rolesOf(folder.path).includes('worker'));
    process.kill(gateway, 'SIGTERM');
    await until('no process is left', 180_000, () => processesOf(folder.path).length === 0);
  });

  test('ends in order as the first process of a container', async ({ skip }) => {
    needsProcessList(skip);
    const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    if (spawnSync(unshare[0] ?? '', [...unshare.slice(1), 'true']).status !== 0)
      skip('This user may not make a process namespace.');
    await using folder = await temporaryFolder();
    await using outside = start(folder.path, unshare);
    await untilWorking(outside, folder.path);
    const [gateway] = pidsOf(folder.path, 'gateway').filter((pid) => pid !== outside.pid);
    expect(gateway).toBeDefined();
    if (gateway === undefined) return;
    process.kill(gateway, 'SIGTERM');
    expect(await outside.ended).toEqual({ code: 0, signal: null });
    expect(processesOf(folder.path)).toEqual([]);
  });
});

test('the end of its terminal ends a gateway under npm', async ({ skip }) => {
  needsProcessList(skip);
  if (spawnSync('script', ['--version']).status !== 0)
    skip('The program `script`, which gives a terminal, is not installed.');
  await using folder = await temporaryFolder();
  const environment = { ...settings, VECTORSTREAM_PORT: String(await freePort()) };
  const terminal = await startByNpm(folder.path, [join(root, 'gateway/main.ts')], environment, [
    'script',
    '--quiet',
    '--return',
    '--command',
    'npm start',
    '/dev/null',
  ]);
  await until('its runner works', 180_000, () => rolesOf(folder.path).includes('worker'));
  const running = processesOf(folder.path);
  process.kill(terminal.pid, 'SIGKILL');
  await until('all of them are gone', 180_000, () => !running.some((one) => isThere(one.pid)));
  expect(processesOf(folder.path)).toEqual([]);
});

test('SIGTERM ends a busy gateway with code 0 in 10 s, leaves no process, loses nothing', async ({
  skip,
}) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  const subjects = 200;
  const stopped = await startGateway(folder.path);
  await stopped.ready();
  const sending = sendEvents(stopped, shopEvents(subjects, subjects));
  await until(
    '50 texts are stored',
    180_000,
    async () => (await stopped.stats()).store.texts >= 50,
  );
  const askedAt = performance.now();
  stopped.child.kill('SIGTERM');
  expect(await stopped.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - askedAt).toBeLessThan(10_000);
  expect(processesOf(folder.path)).toEqual([]);
  const sent = await sending;
  const atStop = readStore(folder.path);
  expect(atStop.eventIds.length, 'stopped in mid-stream').toBeLessThan(subjects);
  expect(atStop.committed).toBeGreaterThan(0);
  expect(atStop.committed).toBeLessThanOrEqual(atStop.eventIds.length);

  await using gateway = await startGateway(folder.path);
  const { events, texts } = await gateway.idle();
  const after = readStore(folder.path);
  expectExactlyOnce(sent, after);
  expectNotEmbeddedAgain(atStop, after);
  expect(texts.embedded).toBe(after.texts.size - atStop.texts.size);
  expect(events.received).toBe(after.log.length - atStop.committed);
});

const eventsIn = (folder: string): string => join(folder, 'events.ndjson');
const manyEvents = (): string =>
  shopEvents(50_000, 50_000)
    .map((event) => `${JSON.stringify(event)}\n`)
    .join('');
