// What the disk does under the log and store of one gateway, besides all that may befall any.

import { execFileSync } from 'node:child_process';
import { setTimeout as pass } from 'node:timers/promises';
import { runProgram } from '../../helpers/program.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import type { SmallDisk } from '../../helpers/small-disk.ts';
import type { EmbeddedWorld } from './embedded-world.ts';
import { commonFaults, found, type Fault } from './faults.ts';

/**
 * Without a disk of the test's own none is full or write-protected, and off Linux files have no
 * limit: then these faults only take their time.
 */
export function embeddedFaults(
  random: Seeded,
  linkNames: readonly string[],
): readonly (readonly Fault<EmbeddedWorld>[])[] {
  const ms = random.between(50, 2_000);
  const tornAfterMs = random.between(50, 400);
  const where = random.next();
  const garbage = random.next();
  const powerLoss = (how: string, part: number | null): Fault<EmbeddedWorld> => ({
    name:
      `power is lost ${tornAfterMs} ms after the last acknowledgement, ` +
      `and unsynced data of the log is ${how} from ${where.toFixed(2)} of it on`,
    happen: async (world) => {
      const { gateway, links } = world;
      // Whoever lost an answer sends again; whoever has one is to find its events.
      found(links.get('producer')).set('cut');
      await pass(tornAfterMs);
      await gateway.restart('SIGKILL', () => world.tearLog(where, part));
      found(links.get('producer')).set('through');
    },
  });
  return [
    ...commonFaults(random, linkNames, 1),
    [
      {
        name: `no file may be written past 4 KB for ${ms} ms`,
        happen: async ({ gateway }) => {
          const { pid } = gateway.running;
          limitFiles(pid, '4096');
          await pass(ms);
          limitFiles(pid, 'unlimited');
        },
      },
      {
        name: `the disk is full for ${ms} ms`,
        happen: async ({ disk }) => {
          await disk?.fill();
          await pass(ms);
          await disk?.free();
        },
      },
    ],
    [
      {
        name: 'the gateway is killed, and its disk is write-protected at the next start',
        happen: async ({ gateway, disk, sightings }) =>
          gateway.restart('SIGKILL', async () => {
            if (disk === null) return;
            await disk.protect();
            await expectRefusal(disk);
            await disk.allow();
            sightings.startsRefused += 1;
          }),
      },
      {
        name: 'the files of the database are moved away, and back when the gateway has ended',
        happen: (world) =>
          world.gateway.restartAfter(
            () => world.moveFiles('away'),
            () => world.moveFiles('back'),
          ),
      },
      powerLoss('cut off', null),
      powerLoss('garbage', garbage),
    ],
  ];
}

/**
 * What a write of this process meets beyond so many bytes is EFBIG; SQLite tells it as any error of
 * a disk, such as EROFS, but for ENOSPC.
 */
function limitFiles(pid: number, bytes: string): void {
  if (process.platform === 'linux')
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}

/** One line that names the folder, and no start. */
async function expectRefusal({ path, through }: SmallDisk): Promise<void> {
  const { code, stdout, stderr } = await runProgram({
    script: 'gateway/main.ts',
    flags: ['--port', '0'],
    environment: { VECTORSTREAM_DATA_DIR: path, VECTORSTREAM_RUNNERS: '0' },
    through,
  });
  const words = stdout + stderr;
  if (code !== 2 || !words.includes(path) || words.trim().includes('\n'))
    throw new Error(`On a write-protected disk the gateway ended with ${code} and: ${words}`);
}
