// Fills a gateway's data folder with texts and events for `npm run bench`, through the port of the
// store.
//
// Arguments: the folder, the model's folder, the number of texts, the number of events. Prints the
// duration in seconds as JSON.
//
// A search of this folder costs as much as with the same number of real texts: the vectors are as
// long, and a search reads each of them. They are pseudo-random, so texts that are embedded later
// score above all of them.

import { assert } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import { openEmbedded } from '../../gateway/embedded/open-embedded.ts';
import { openGatewayModel } from '../../gateway/fleet/open-model.ts';
import { eventRecord, startAt, textRecord } from './synthetic-records.ts';

const [dataDir = '', modelFolder = '', texts = '0', events = '0'] = process.argv.slice(2);
const perCall = 1_000;
/** Calls in flight at once: as many as a gateway has. */
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
  // Events that arrived just now are not yet deleted by retention.
  const ingestedAt = Date.now();
  await write(
    Number(events),
    (index) => ({ ...eventRecord(index, Number(texts)), ingestedAt }),
    (records) => store.putEvents(records),
  );
}
const seconds = (performance.now() - beganAt) / 1000;
const newestAt = startAt + Number(events) * 1000;
process.stdout.write(`${JSON.stringify({ seconds, newestAt })}\n`);

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
          'A synthetic record was not stored',
        );
      }
    }),
  );
}
