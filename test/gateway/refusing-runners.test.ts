// Runners that cost more than they do are sent away: one that refuses most texts, each of which is
// tried again alone, and one that answers jobs that it does not have.

import { expect, test } from 'vitest';
import { RefusalShare } from '#core/fleet/refusal-share.ts';
import { fakeVector, golden } from '../helpers/fake-model.ts';
import {
  connectFakeRunner,
  joinFakeRunner,
  resultOf,
  type FakeRunnerOptions,
} from '../helpers/fake-runner.ts';
import { until } from '../helpers/until.ts';
import { openWorld, tokens, trustedToken } from './trust-world.ts';

const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const right = (texts: readonly string[]) => texts.map(fakeVector);
/** The share of texts that it embeds. */
const refusing =
  (share: number): FakeRunnerOptions['vectors'] =>
  (texts) =>
    texts.map((text, at) =>
      goldenTexts.has(text) || at < texts.length * share ? fakeVector(text) : null,
    );

test.for([0, 0.3])('one that embeds %d of its texts is sent away for a while', async (share) => {
  await using world = await openWorld();
  const { url, hub } = world;
  const own = joinFakeRunner({ url, token: trustedToken, name: 'own', vectors: right });
  await world.ready(1);
  const refuser = joinFakeRunner({
    url,
    token: tokens.shared,
    name: 'refuser',
    vectors: refusing(share),
  });
  await world.ready(2);
  await until('it is sent away', 60_000, async () => {
    await world.feed(100);
    return hub.runners().length === 1;
  });
  expect(await refuser.closed).toEqual({
    code: 4429,
    reason: 'it refuses most of its texts',
  });
  expect(
    await joinFakeRunner({ url, token: tokens.shared, name: 'again', vectors: right }).closed,
  ).toMatchObject({ code: 4429, reason: expect.stringMatching(/^quarantined for 10 s more/) });
  const single = own.jobs.filter(({ length }) => length === 1).length;
  expect(single).toBeLessThan(30);
  expect([await world.wrong(), await world.missing()]).toEqual([[], 0]);
});

test('seven refused texts are allowed, and a long good past is forgotten', () => {
  expect(new RefusalShare().add(7, 7)).toBe(false);
  const refusals = new RefusalShare();
  for (let n = 0; n < 1_000; n++) expect(refusals.add(100, 40)).toBe(false);
  let refused = 0;
  while (!refusals.add(10, 10)) refused += 10;
  expect(refused).toBeLessThan(500);
});

test('one that answers jobs of others is closed after twenty such answers', async () => {
  await using world = await openWorld();
  const stranger = connectFakeRunner({
    url: world.url,
    token: tokens.shared,
    name: 'stranger',
    behaviour({ answer, send }) {
      answer(fakeVector);
      for (let n = 0; n < 20; n++)
        send(resultOf({ jobId: `job-${n}`, attempt: 1 }, [fakeVector('wrong')]));
    },
  });
  expect(await stranger.closed).toEqual({
    code: 4400,
    reason: '20 answers to jobs that it does not have',
  });
  expect(world.hub.fleetStats().late).toBe(20);
});
