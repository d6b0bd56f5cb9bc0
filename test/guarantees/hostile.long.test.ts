// Ten thousand hostile requests beside a running stream: each is turned away clearly, memory comes back, nothing is lost.
import { expect, test } from 'vitest';
import { random } from '../../cli/generator/random.ts';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { nothingSent, sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { kinds, nextAttack, type Attack } from './hostile/attacks.ts';
import { rawRequest, type RawAnswer } from './hostile/raw-request.ts';

const seed = Number(process.env['HOSTILE_SEED'] ?? 1);
const requests = Number(process.env['HOSTILE_REQUESTS'] ?? 10_000);
const atOnce = 32;
const key = 'hostile-test-key-0123456789abcdef';
/** Bodies in hand at once are bounded, and their memory is used again: the first half may cost so much, the second half next to nothing more. */
const firstHalfBytesMax = 250e6;
const secondHalfBytesMax = 80e6;

/** `null`: turned away as it should be; else what was wrong. */
function faultOf({ kind, end }: Attack, { status, text, isHung }: RawAnswer): string | null {
  const told = `${kind}: ${isHung ? 'left open after ' : ''}${text.replaceAll(/^(?!HTTP|content-type).*:.*\r\n/gim, '').slice(0, 300) || 'closed without an answer'}`;
  if (isHung || (status !== null && status >= 500)) return told;
  if (end === 'closed') return status === 101 ? null : told;
  if (status === null) return end === 'or-closed' ? null : told;
  // Under /v1 they have OpenAI's shape.
  const isProblem = /content-type: application\/problem\+json/i.test(text) || (/"error":\{"message":/.test(text));
  const isClear = status >= 400 && isProblem && /"code":"\w+"/.test(text) && !/\.ts:\d+/.test(text);
  return isClear ? null : told;
}

/** Sends events one batch after the other until told to end. */
async function streamUntil(gateway: RunningGateway, over: Promise<unknown>, sent = nothingSent()) {
  const state = { isOver: false };
  void over.finally(() => { state.isOver = true; });
  while (!state.isOver) await sendEvents(gateway, shopEvents(600, 150), sent);
  return sent;
}

/** A while in which nothing but the stream happens. */
const calm = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 5_000));

/** Events stored per second while `work` goes on. */
async function rateDuring(gateway: RunningGateway, work: Promise<unknown>): Promise<number> {
  const [before, beganAt] = [(await gateway.stats()).events.stored, performance.now()];
  await work;
  return ((await gateway.stats()).events.stored - before) / (performance.now() - beganAt) * 1000;
}

test(`${requests} hostile requests are turned away clearly, and the stream beside them loses nothing`, { timeout: 300_000 }, async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, { VECTORSTREAM_API_KEY: key, VECTORSTREAM_RATES_WRONG_KEYS_PER_MINUTE: '10000' });
  await gateway.ready();
  const port = Number(new URL(gateway.url).port);
  const rss = async (): Promise<number> => (await gateway.stats()).memory.rss_bytes;

  const over = Promise.withResolvers<void>();
  const streaming = streamUntil(gateway, over.promise);
  await until('the stream runs', 40_000, async () => (await gateway.stats()).store.events > 500);
  const rateBefore = await rateDuring(gateway, calm());
  const rssBefore = await rss();

  const dice = random(seed);
  const faults: string[] = [];
  const seen = new Set<string>();
  let left = requests;
  let rssHalfway = Number.NaN;
  const attacker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      if (left === Math.floor(requests / 2)) rssHalfway = await rss();
      const attack = nextAttack(dice, key);
      const fault = faultOf(attack, await rawRequest(port, attack.act));
      seen.add(attack.kind);
      if (fault !== null) faults.push(fault);
    }
  };
  const beganAt = performance.now();
  const rateMeanwhile = await rateDuring(gateway, Promise.all(Array.from({ length: atOnce }, attacker)));
  const seconds = (performance.now() - beganAt) / 1000;
  const rateAfter = await rateDuring(gateway, calm());
  over.resolve();
  const sent = await streaming;

  process.stderr.write(`hostile, seed ${seed}: ${requests} requests in ${seconds.toFixed(1)} s beside the stream; events/s before, meanwhile, after: ${[rateBefore, rateMeanwhile, rateAfter].map(Math.round).join(', ')}, resident MB before, halfway, at the end: ${[rssBefore, rssHalfway, await rss()].map((bytes) => Math.round(bytes / 1e6)).join(', ')}; ratio of events/s ${(2 * rateMeanwhile / (rateBefore + rateAfter)).toFixed(2)}\n`);
  expect([...new Set(faults)].slice(0, 20), `seed ${seed}, ${faults.length} faults`).toEqual([]);
  // In fewer the rare ones may not come.
  const missing = requests < 5_000 ? [] : Object.keys(kinds).filter((kind) => !seen.has(kind));
  expect(missing).toEqual([]);
  expect(rateMeanwhile).toBeGreaterThan(0);

  await gateway.idle(40_000);
  expect(rssHalfway - rssBefore).toBeLessThan(firstHalfBytesMax);
  expect(await rss() - Math.max(rssHalfway, rssBefore)).toBeLessThan(secondHalfBytesMax);
  expect(sent.uncertain.size).toBe(0);
  expectExactlyOnce(sent, readStore(folder.path));
  const severe = gateway.stdout().split('\n').filter((line) => /"level":(50|60)/.test(line));
  expect([severe, gateway.stderr(), gateway.child.exitCode]).toEqual([[], '', null]);
});
