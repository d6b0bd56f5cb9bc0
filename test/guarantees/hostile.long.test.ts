// Thousands of hostile requests beside a running stream: each is refused clearly, memory stays
// bounded, a steady stream is not slowed down, and nothing is lost.

import { expect, test } from 'vitest';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { runProgram } from '../helpers/program.ts';
import { nothingSent, sendEvents, shopEvents, type Sent } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import type { Report } from './hostile/attacker.ts';
import { kinds } from './hostile/attacks.ts';

const seed = Number(process.env['HOSTILE_SEED'] ?? 1);
const requests = Number(process.env['HOSTILE_REQUESTS'] ?? 5_000);
const key = 'hostile-test-key-0123456789abcdef';
/**
 * Two bodies of 16 MB and some of half a megabyte are assembled at the same time, and their memory
 * is reused.
 */
const firstHalfBytesMax = 120e6;
const secondHalfBytesMax = 30e6;
/**
 * CPU time of all threads of the gateway per refused request, zip bombs included. Other programs on
 * the machine do not change it.
 */
const processorMsPerRequestMax = 10;
/**
 * The least speed, compared with an undisturbed stream, of a stream that leaves no core idle: it
 * includes the attackers' own work and the noise of a shared machine.
 */
const burstRatioMin = 0.4;
/** The same for a stream of 1,000 events/s, which leaves cores idle and must not slow down. */
const steadyRatioMin = 0.9;
const steadyBatch = { events: 200, everyMs: 200 };

/** Sends batches of events until the abort: one after another, or one every `everyMs`. */
async function streamUntil(
  gateway: RunningGateway,
  over: AbortSignal,
  sent: Sent,
  everyMs = 0,
): Promise<void> {
  const beganAt = performance.now();
  for (let batch = 1; !over.aborted; batch += 1) {
    await sendEvents(gateway, shopEvents(steadyBatch.events, 150), sent);
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(0, beganAt + batch * everyMs - performance.now())),
    );
  }
}

/** A time in which only the stream runs. */
const calm = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 5_000));

type Span = {
  readonly events: number;
  readonly seconds: number;
  readonly processorMs: number;
  readonly rssAfter: number;
};

async function spanOf(gateway: RunningGateway, work: () => Promise<unknown>): Promise<Span> {
  const look = async () => {
    const [stats, metrics] = await Promise.all([gateway.stats(), gateway.get('/metrics')]);
    return {
      stored: stats.events.stored,
      rss: stats.memory.rss_bytes,
      processorMs:
        1000 * Number(/^\w*process_cpu_seconds_total ([\d.]+)$/m.exec(String(metrics.body))?.[1]),
      at: performance.now(),
    };
  };
  const before = await look();
  await work();
  const after = await look();
  return {
    events: after.stored - before.stored,
    seconds: (after.at - before.at) / 1000,
    processorMs: after.processorMs - before.processorMs,
    rssAfter: after.rss,
  };
}

const rateOf = ({ events, seconds }: Span): number => events / seconds;
/** CPU time of a span, less what its events cost in the span without attacks. */
const excessMs = (span: Span, calmly: Span): number =>
  span.processorMs - (span.events * calmly.processorMs) / calmly.events;

test(`${requests} hostile requests are refused clearly; the stream loses nothing`, async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, {
    VECTORSTREAM_API_KEY: key,
    VECTORSTREAM_RATES_WRONG_KEYS_PER_MINUTE: '10000',
  });
  await gateway.ready();
  const reports: Report[] = [];
  const attack = (count: number, dice: number) => async (): Promise<void> => {
    const { code, stdout, stderr } = await runProgram({
      script: 'test/guarantees/hostile/attacker.ts',
      flags: [new URL(gateway.url).port, key, String(count), String(dice)],
      environment: {},
    });
    expect([code, stderr]).toEqual([0, '']);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the attacker's output
    reports.push(JSON.parse(stdout) as Report);
  };

  const sent = nothingSent();
  const bursting = new AbortController();
  const burst = streamUntil(gateway, bursting.signal, sent);
  await until(
    'the stream runs',
    180_000,
    async () => (await gateway.stats()).store.events > 30_000,
  );
  const before = await spanOf(gateway, calm);
  const first = await spanOf(gateway, attack(requests / 2, seed));
  bursting.abort();
  await burst;
  await gateway.idle();

  const flowing = new AbortController();
  const steady = streamUntil(gateway, flowing.signal, sent, steadyBatch.everyMs);
  await calm();
  const second = await spanOf(gateway, attack(requests / 2, seed + 1_000_000));
  const after = await spanOf(gateway, calm);
  flowing.abort();
  await steady;

  const burstRatio = rateOf(first) / rateOf(before);
  const steadyRatio = rateOf(second) / ((1000 * steadyBatch.events) / steadyBatch.everyMs);
  const processorMsPerRequest = (excessMs(first, before) + excessMs(second, after)) / requests;
  process.stderr.write(
    `hostile, seed ${seed}: ${requests} requests ` +
      `in ${(first.seconds + second.seconds).toFixed(1)} s; ` +
      `a stream at full speed, without and with them: ${Math.round(rateOf(before))}, ` +
      `${Math.round(rateOf(first))} events/s, ratio ${burstRatio.toFixed(2)}; ` +
      `a stream at 1,000 events/s, with them: ${Math.round(rateOf(second))} events/s; ` +
      `CPU time per hostile request: ${processorMsPerRequest.toFixed(1)} ms; ` +
      'resident MB before, halfway, at the end, after: ' +
      `${[before, first, second, after]
        .map(({ rssAfter }) => Math.round(rssAfter / 1e6))
        .join(', ')}\n`,
  );
  const faults = reports.flatMap((report) => report.faults);
  expect([...new Set(faults)].slice(0, 20), `seed ${seed}, ${faults.length} faults`).toEqual([]);
  // Fewer requests may not include the rare kinds.
  const seen = new Set(reports.flatMap((report) => report.kinds));
  expect(requests < 5_000 ? [] : Object.keys(kinds).filter((kind) => !seen.has(kind))).toEqual([]);

  await gateway.idle();
  expect(first.rssAfter - before.rssAfter).toBeLessThan(firstHalfBytesMax);
  expect(second.rssAfter - Math.max(first.rssAfter, before.rssAfter)).toBeLessThan(
    secondHalfBytesMax,
  );
  expect(processorMsPerRequest).toBeLessThan(processorMsPerRequestMax);
  expect(burstRatio).toBeGreaterThan(burstRatioMin);
  expect(steadyRatio).toBeGreaterThan(steadyRatioMin);
  expect(sent.uncertain.size).toBe(0);
  expectExactlyOnce(sent, readStore(folder.path));
  const severe = gateway
    .stdout()
    .split('\n')
    .filter((line) => /"level":(50|60)/.test(line));
  expect([severe, gateway.stderr(), gateway.child.exitCode]).toEqual([[], '', null]);
});
