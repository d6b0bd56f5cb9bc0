// Ten thousand hostile requests beside a running stream: each is turned away clearly, memory stays, the stream goes on, nothing is lost.
import { expect, test } from 'vitest';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { runProgram } from '../helpers/program.ts';
import { nothingSent, sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import type { Report } from './hostile/attacker.ts';
import { kinds } from './hostile/attacks.ts';

const seed = Number(process.env['HOSTILE_SEED'] ?? 1);
const requests = Number(process.env['HOSTILE_REQUESTS'] ?? 10_000);
const key = 'hostile-test-key-0123456789abcdef';
/** Two bodies of 16 MB, and some of half a megabyte, are put together side by side; their memory is used again and again. */
const firstHalfBytesMax = 120e6;
const secondHalfBytesMax = 30e6;
/** Of the gateway, all threads: what a request costs that is turned away, zip bombs included. Free of who else uses the cores. */
const processorMsPerRequestMax = 10;
/** Of the stream's rate before and after. The attackers' own work and the noise of a shared machine are in it. */
const rateRatioMin = 0.4;

/** Sends events one batch after the other until told to end. */
async function streamUntil(gateway: RunningGateway, over: Promise<unknown>, sent = nothingSent()) {
  const state = { isOver: false };
  void over.finally(() => { state.isOver = true; });
  while (!state.isOver) await sendEvents(gateway, shopEvents(600, 150), sent);
  return sent;
}

/** A while in which nothing but the stream happens. */
const calm = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 5_000));

type Span = { readonly events: number; readonly seconds: number; readonly processorMs: number; readonly rssAfter: number };

async function spanOf(gateway: RunningGateway, work: () => Promise<unknown>): Promise<Span> {
  const look = async () => {
    const [stats, metrics] = await Promise.all([gateway.stats(), gateway.get('/metrics')]);
    return { stored: stats.events.stored, rss: stats.memory.rss_bytes, processorMs: 1000 * Number(/^\w*process_cpu_seconds_total ([\d.]+)$/m.exec(String(metrics.body))?.[1]), at: performance.now() };
  };
  const before = await look();
  await work();
  const after = await look();
  return { events: after.stored - before.stored, seconds: (after.at - before.at) / 1000, processorMs: after.processorMs - before.processorMs, rssAfter: after.rss };
}

const together = (spans: readonly Span[]) => {
  const sum = (of: (span: Span) => number): number => spans.reduce((total, span) => total + of(span), 0);
  return { rate: sum(({ events }) => events) / sum(({ seconds }) => seconds), events: sum(({ events }) => events), processorMs: sum(({ processorMs }) => processorMs) };
};

test(`${requests} hostile requests are turned away clearly, and the stream beside them loses nothing`, { timeout: 400_000 }, async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, { VECTORSTREAM_API_KEY: key, VECTORSTREAM_RATES_WRONG_KEYS_PER_MINUTE: '10000' });
  await gateway.ready();
  const reports: Report[] = [];
  const attack = (count: number, dice: number) => async (): Promise<void> => {
    const { code, stdout, stderr } = await runProgram({ script: 'test/guarantees/hostile/attacker.ts', flags: [new URL(gateway.url).port, key, String(count), String(dice)], environment: {} });
    expect([code, stderr]).toEqual([0, '']);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the other half of this test wrote
    reports.push(JSON.parse(stdout) as Report);
  };

  const over = Promise.withResolvers<void>();
  const streaming = streamUntil(gateway, over.promise);
  await until('the stream runs', 40_000, async () => (await gateway.stats()).store.events > 30_000);
  const before = await spanOf(gateway, calm);
  const first = await spanOf(gateway, attack(requests / 2, seed));
  const second = await spanOf(gateway, attack(requests / 2, seed + 1_000_000));
  const after = await spanOf(gateway, calm);
  over.resolve();
  const sent = await streaming;

  const [quiet, hostile] = [together([before, after]), together([first, second])];
  const ratio = hostile.rate / quiet.rate;
  const processorMsPerRequest = (hostile.processorMs - hostile.events * quiet.processorMs / quiet.events) / requests;
  process.stderr.write(`hostile, seed ${seed}: ${requests} requests in ${(first.seconds + second.seconds).toFixed(1)} s beside the stream; events/s without and with them: ${Math.round(quiet.rate)}, ${Math.round(hostile.rate)}, ratio ${ratio.toFixed(2)}; processor time per hostile request: ${processorMsPerRequest.toFixed(1)} ms; resident MB before, halfway, at the end, after: ${[before, first, second, after].map(({ rssAfter }) => Math.round(rssAfter / 1e6)).join(', ')}\n`);
  const faults = reports.flatMap((report) => report.faults);
  expect([...new Set(faults)].slice(0, 20), `seed ${seed}, ${faults.length} faults`).toEqual([]);
  // In fewer the rare ones may not come.
  const seen = new Set(reports.flatMap((report) => report.kinds));
  expect(requests < 5_000 ? [] : Object.keys(kinds).filter((kind) => !seen.has(kind))).toEqual([]);

  await gateway.idle(40_000);
  expect(first.rssAfter - before.rssAfter).toBeLessThan(firstHalfBytesMax);
  expect(second.rssAfter - Math.max(first.rssAfter, before.rssAfter)).toBeLessThan(secondHalfBytesMax);
  expect(processorMsPerRequest).toBeLessThan(processorMsPerRequestMax);
  expect(ratio).toBeGreaterThan(rateRatioMin);
  expect(sent.uncertain.size).toBe(0);
  expectExactlyOnce(sent, readStore(folder.path));
  const severe = gateway.stdout().split('\n').filter((line) => /"level":(50|60)/.test(line));
  expect([severe, gateway.stderr(), gateway.child.exitCode]).toEqual([[], '', null]);
});
