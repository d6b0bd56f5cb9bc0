// A process that fills a gateway's data folder for `npm run bench`: as many texts and events as
// asked for, through the store's own port.
//
// Arguments: the folder, the model's folder, the number of texts, the number of events. Prints the
// seconds that it took, as JSON.
//
// What a search of this folder costs is what it costs with real texts of as many: the vectors are
// as long and each is looked at. They are pseudo-random, so that whatever is embedded later scores
// above all of them.

import { assert } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import { openEmbedded } from '../../gateway/embedded/open-embedded.ts';
import { openGatewayModel } from '../../gateway/fleet/open-model.ts';
import { eventRecord, startAt, textRecord } from './synthetic-records.ts';

const [dataDir = '', modelFolder = '', texts = '0', events = '0'] = process.argv.slice(2);
const perCall = 1_000;
/** As many as a gateway has in flight. */
const callsAtOnce = 2;

const { identity } = await openGatewayModel(modelFolder);
const beganAt = performance.now();
{
  await using embedded = await openEmbedded({
    dataDir,
    identity,
    topic: 'ecommerce-events',
    clock: systemClock,
    onWorkerExit: (error) => {
      throw error;
    },
  });
  const { store } = embedded;
  await write(
    Number(texts),
    (index) => textRecord(index, identity.dimensions),
    (records) => store.putTexts(records),
  );
  // Taken in now, so that retention leaves them alone.
  const ingestedAt = Date.now();
  await write(
    Number(events),
    (index) => ({ ...eventRecord(index, Number(texts)), ingestedAt }),
    (records) => store.putEvents(records),
  );
}
process.stdout.write(
  `${JSON.stringify({ seconds: (performance.now() - beganAt) / 1000, newestAt: startAt + Number(events) * 1000 })}\n`,
);

async function write<T>(
  count: number,
  make: (index: number) => T,
  put: (records: readonly T[]) => Promise<readonly { readonly status: string }[]>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: callsAtOnce }, async () => {
      while (next < count) {
        const from = next;
        next += perCall;
        const outcomes = await put(
          Array.from({ length: Math.min(perCall, count - from) }, (_, index) => make(from + index)),
        );
        assert(
          outcomes.every(({ status }) => status === 'stored'),
          'A made-up record was not stored',
        );
      }
    }),
  );
}
