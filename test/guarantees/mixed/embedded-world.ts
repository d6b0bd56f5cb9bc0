// One gateway with its log and store in a folder, on a small disk where possible, and two honest
// runners.

import { cp, mkdir, readdir, rename } from 'node:fs/promises';
import { join as pathOf } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startFaultProxy } from '../../helpers/fault-proxy.ts';
import { startSmallDisk, type SmallDisk } from '../../helpers/small-disk.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { readEmbedded } from './mixed-oracle.ts';
import { Gateway, joinAll, type References, type Sightings, type World } from './mixed-world.ts';
import { markOf, tear, type LogMark } from './torn-log.ts';

export const embeddedLinks = ['producer', 'runners'] as const;

/** The smallest frame that can carry a vector. */
const resultBytesMin = 1_536;

export type EmbeddedWorld = World & {
  readonly sightings: Sightings;
  readonly gateway: Gateway;
  /** `null` where this machine cannot make one. */
  readonly disk: SmallDisk | null;
  /** See `tear`. The gateway must have been killed, with no answer on its way to the producer. */
  tearLog(where: number, garbage: number | null): void;
  /** Moves the files of the database to another folder, or back. */
  moveFiles(to: 'away' | 'back'): Promise<void>;
};

export async function startEmbeddedWorld(
  references: References,
  sightings: Sightings,
  isOnSmallDisk: boolean,
): Promise<EmbeddedWorld> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const producer = resources.use(await startFaultProxy());
  const runners = resources.use(await startFaultProxy());
  const disk = isOnSmallDisk
    ? resources.use(await startSmallDisk(pathOf(folder.path, 'disk')))
    : null;
  const dataDir = disk?.path ?? folder.path;
  const hostDir = disk?.outside ?? folder.path;
  const gateway = resources.use(
    await Gateway.start(
      dataDir,
      [producer, runners],
      sightings,
      // The runs fill the disk to its last byte.
      { VECTORSTREAM_INGEST_DISK_FREE_BYTES_MIN: '0' },
      disk?.through,
    ),
  );
  const join: World['join'] = (name, behaviour) =>
    resources.use(joinAll([runners], references, name, behaviour));
  join('one', 'honest');
  join('two', 'honest');
  let mark: LogMark | null = null;
  return {
    links: new Map([
      ['producer', producer],
      ['runners', runners],
    ]),
    gateways: [gateway],
    url: `http://${producer.address}`,
    join,
    sightings,
    gateway,
    disk,
    acknowledged: () => {
      mark = markOf(hostDir);
    },
    tearLog: (where, garbage) => {
      sightings.torn += Number(tear(hostDir, mark, where, garbage) > 0);
    },
    async moveFiles(to) {
      const away = pathOf(hostDir, 'away');
      await mkdir(away, { recursive: true });
      const [source, target] = to === 'away' ? [hostDir, away] : [away, hostDir];
      for (const name of await readdir(source))
        if (name.startsWith('vectorstream.db'))
          await rename(pathOf(source, name), pathOf(target, name));
    },
    isSettled: () => gateway.isIdle(),
    async stored() {
      const copy = pathOf(folder.path, 'copy');
      if (disk !== null) await cp(hostDir, copy, { recursive: true });
      const readable = disk === null ? folder.path : copy;
      sightings.replayed += Math.max(0, gateway.received - recordsIn(readable));
      sightings.resultsLost += runners.lost(resultBytesMin);
      return readEmbedded(readable);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** All records that were ever appended. */
function recordsIn(dataDir: string): number {
  using database = new DatabaseSync(pathOf(dataDir, 'vectorstream.db'), { readOnly: true });
  return Number(
    database.prepare('SELECT sum(next_offset) AS records FROM commits').get()?.['records'],
  );
}
