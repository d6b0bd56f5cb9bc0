// One gateway with its log and store in a folder, and two honest runners.
import { startFaultProxy } from '../../helpers/fault-proxy.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { readEmbedded } from './oracle.ts';
import { Gateway, joinAll, type Knowledge, type Sightings, type World } from './world.ts';

export const embeddedLinks = ['producer', 'runners'] as const;

export async function startEmbeddedWorld(knowledge: Knowledge, sightings: Sightings): Promise<World> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const producer = resources.use(await startFaultProxy());
  const runners = resources.use(await startFaultProxy());
  const gateway = resources.use(await Gateway.start(folder.path, [producer, runners], sightings));
  const join: World['join'] = (name, manner) => resources.use(joinAll([runners], knowledge, name, manner));
  join('one', 'honest');
  join('two', 'honest');
  return {
    links: new Map([['producer', producer], ['runners', runners]]),
    gateways: [gateway],
    url: `http://${producer.address}`,
    join,
    isSettled: () => gateway.isIdle(),
    stored: async () => readEmbedded(folder.path),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
