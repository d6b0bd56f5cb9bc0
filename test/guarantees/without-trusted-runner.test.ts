// A fleet without a trusted runner: runners with different tokens check each other, the majority is
// believed, and nothing is lost.

import { describe, expect, test } from 'vitest';
import type { JoinToken } from '../../gateway/access/join-tokens.ts';
import { openWorld, tokens, trustedToken, type World } from '../gateway/trust-world.ts';
import { fakeVector, golden } from '../helpers/fake-model.ts';
import { joinFakeRunner, type FakeRunner } from '../helpers/fake-runner.ts';
import { until } from '../helpers/until.ts';

const goldenTexts = new Set(golden.cases.map(({ text }) => text));
const right = (texts: readonly string[]) => texts.map(fakeVector);
/** Liars that give the same wrong vectors. */
const lying = (texts: readonly string[]) =>
  texts.map((text) => fakeVector(goldenTexts.has(text) ? text : `not ${text}`));

/** Every text is a join token of its own. */
const tokenOf = (name: string): JoinToken => ({
  id: name,
  name,
  expiresAt: Infinity,
  runnersMax: 100,
  textsPerSecondMax: null,
});
const world = (): Promise<World> =>
  openWorld({
    tokens: {
      ...tokens,
      join: (text) => (text.startsWith('join-') ? { ok: true, token: tokenOf(text) } : null),
    },
  });
const join = (
  { url }: World,
  name: string,
  vectors: (texts: readonly string[]) => readonly Float32Array[],
  token = `join-${name}`,
): FakeRunner => joinFakeRunner({ url, token, name, vectors });

const quarantined = ({ hub }: World): readonly string[] =>
  hub
    .runners()
    .filter(({ state }) => state === 'quarantined')
    .map(({ name }) => name);

/** Feeds texts until `isOver`; each runner gets some. */
async function feedUntil(here: World, isOver: () => boolean): Promise<void> {
  await until('it has come to that', 60_000, async () => {
    if (isOver()) return true;
    await here.feed(150);
    await here.pass(16_000);
    return isOver();
  });
}

describe('without a trusted runner', () => {
  test('a liar among three tokens is out, and all of its texts are embedded again', async () => {
    await using here = await world();
    join(here, 'ada', right);
    join(here, 'ben', right);
    join(here, 'liar', lying);
    await here.ready(3);
    expect(here.hub.fleetStats().checkedBy).toBe('agreement');
    await feedUntil(here, () => quarantined(here).length > 0);
    expect(quarantined(here)).toEqual(['liar']);
    await here.pass(70_000);
    expect([await here.wrong(), await here.missing()]).toEqual([[], 0]);
    expect(here.hub.fleetStats().checkedBy).toBe('nobody');
  });

  test('nobody is punished where two differ, and it is said', async () => {
    await using here = await world();
    join(here, 'ada', right);
    join(here, 'liar', lying);
    await here.ready(2);
    await feedUntil(here, () => here.seen.includes('disputed'));
    expect(quarantined(here)).toEqual([]);
    expect(await here.missing()).toBe(0);
    expect(here.hub.fleetStats().checkedBy).toBe('nobody');
  });

  test('many runners with one token are one voice', async () => {
    await using here = await world();
    join(here, 'ada', right);
    for (const name of ['liar-1', 'liar-2', 'liar-3']) join(here, name, lying, 'join-liars');
    await here.ready(4);
    await feedUntil(here, () => here.seen.includes('disputed'));
    expect(quarantined(here)).toEqual([]);
  });

  test('a minority of liars with tokens of their own does not expel an honest runner', async () => {
    await using here = await world();
    for (const name of ['ada', 'ben', 'cid']) join(here, name, right);
    for (const name of ['liar-1', 'liar-2']) join(here, name, lying);
    await here.ready(5);
    await feedUntil(here, () => quarantined(here).length === 2);
    expect(quarantined(here).toSorted()).toEqual(['liar-1', 'liar-2']);
  });
});

test('beside a trusted runner, a majority of liars expels nobody, and is out', async () => {
  await using here = await world();
  join(here, 'own', right, trustedToken);
  join(here, 'ada', right);
  for (const name of ['liar-1', 'liar-2', 'liar-3']) join(here, name, lying);
  await here.ready(5);
  await feedUntil(here, () => quarantined(here).length === 3);
  expect(quarantined(here).toSorted()).toEqual(['liar-1', 'liar-2', 'liar-3']);
  expect(here.seen).not.toContain('disputed');
  await here.pass(70_000);
  expect([await here.wrong(), await here.missing()]).toEqual([[], 0]);
});
