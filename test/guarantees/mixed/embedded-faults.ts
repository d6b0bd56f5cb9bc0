// Faults of the disk under the log and store of one gateway, besides the faults that any world has.

import { execFileSync } from 'node:child_process';
import { setTimeout as pass } from 'node:timers/promises';
import { runProgram } from '../../helpers/program.ts';
import type { Seeded } from '../../helpers/seeded.ts';
import type { SmallDisk } from '../../helpers/small-disk.ts';
import type { EmbeddedWorld } from './embedded-world.ts';
import { commonFaults, found, type Fault } from './faults.ts';

/**
 * Without a small disk, no disk is full or write-protected; outside Linux, files have no limit.
 * These faults then only take time.
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
      `and unsynced data of the log is ${how} from ${where.toFixed(2)} of its length on`,
    inject: async (world) => {
      const { gateway, links } = world;
      // The producer sends again what was not answered; what was acknowledged must be found.
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
        inject: async ({ gateway }) => {
          const { pid } = gateway.running;
          limitFiles(pid, '4096');
          await pass(ms);
          limitFiles(pid, 'unlimited');
        },
      },
      {
        name: `the disk is full for ${ms} ms`,
        inject: async ({ disk }) => {
          await disk?.fill();
          await pass(ms);
          await disk?.free();
        },
      },
    ],
    [
      {
        name: 'the gateway is killed, and its disk is write-protected at the next start',
        inject: async ({ gateway, disk, sightings }) =>
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
        inject: (world) =>
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
 * A write beyond so many bytes fails with EFBIG. SQLite reports it like any disk error except
 * ENOSPC.
 */
function limitFiles(pid: number, bytes: string): void {
  if (process.platform === 'linux')
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}

/** Expects no start, and one line that names the folder. */
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
