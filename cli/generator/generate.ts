// `npm run generate`: events of a made-up shop, sent to a gateway or to Kafka, or written to a
// file.

import { UsageError } from '#core/errors/errors.ts';
import { parseTimestamp } from '#core/event/timestamp.ts';
import { systemClock } from '#core/time/clock.ts';
import { acknowledgements, compressions } from '../../kafka/kafka-settings.ts';
import { choice, integer, number, runCommand, text, toggle } from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import { createGatewayClient, defaultGatewayUrl } from '../gateway-client.ts';
import type { GatewayClient } from '../gateway-client.ts';
import { listenForInterrupt } from '../interrupt.ts';
import type { Interrupt } from '../interrupt.ts';
import { count as shown, createProgress, duration, tolerateClosedPipes } from '../progress-bar.ts';
import { monitor } from './gateway-monitor.ts';
import { generatorFlags, streamOf } from './generator-flags.ts';
import { kafkaPlaceOf } from './kafka-endpoint.ts';
import { sendEvents } from './send-events.ts';
import { writeEvents } from './write-events.ts';

const flags = {
  count: integer('N', null, 1, 1e9, 'how many events (default 10000, or rate × duration)'),
  burst: toggle('as fast as the gateway takes them; so it is when no rate is given'),
  rate: number('R', null, 0.01, 1e6, 'events per second'),
  duration: number('S', null, 0.1, 31_536_000, 'seconds to go on at that rate'),
  ...generatorFlags,
  now: text(
    'TIME',
    null,
    'the time it is to the generator, such as 2026-01-31T12:00:00Z, instead of the clock’s',
  ),
  target: text(
    'URL',
    null,
    'the gateway (default http://127.0.0.1:8080, or by VECTORSTREAM_HOST and VECTORSTREAM_PORT), or kafka://host:port,…/topic (default where KAFKA_BROKERS is set)',
  ),
  acks: choice(
    acknowledgements,
    null,
    'Kafka: who must have an event, every replica in sync, the leader or nobody (default all)',
  ),
  compression: choice(compressions, null, 'Kafka: how events are compressed (default none)'),
  out: text('FILE', null, 'writes NDJSON to a file, or with - to the output, instead of sending'),
  'monitor-only': toggle('sends nothing, and shows what the gateway is doing'),
};

const command: Command<typeof flags> = {
  usage: 'npm run generate --',
  about:
    'Makes the events of a shop (visitors search, view, put in carts, buy) and sends them to a gateway or to Kafka.\nVECTORSTREAM_API_KEY is sent along when it is set; KAFKA_SSL and KAFKA_SASL_… say how to connect.',
  flags,
  operands: [],
};

const patienceMs = 60_000;
const graceMs = 4000;
/**
 * The start of a file's events when only a seed is given, so that the file is the same whenever it
 * is made.
 */
const fixedNow = Date.UTC(2026, 0, 1);

async function generate(values: FlagValues<typeof flags>): Promise<number> {
  const { rate, out } = values;
  const count = countOf(values);
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  if (values['monitor-only']) {
    await monitor({
      client: clientOf(values),
      clock: systemClock,
      signal: interrupt.stop,
      out: process.stdout,
    });
    return 0;
  }
  const isSeedGiven = process.argv.some(
    (argument) => argument === '--seed' || argument.startsWith('--seed='),
  );
  const now = timeOf(values.now) ?? (out !== null && isSeedGiven ? fixedNow : systemClock.now());
  const stream = streamOf({ flags: values, count, rate, now });
  if (out !== null) {
    const written = await writeEvents(stream.events(), out, interrupt.stop);
    process.stderr.write(
      `${shown(written)} events written${out === '-' ? '' : ` to ${out}`}, ${shown(stream.invalidCount)} of ${shown(count)} planned as invalid\n`,
    );
    return written === count ? 0 : 130;
  }
  return await send(values, stream, count, interrupt);
}

async function send(
  values: FlagValues<typeof flags>,
  stream: ReturnType<typeof streamOf>,
  count: number,
  interrupt: Interrupt,
): Promise<number> {
  const progress = createProgress({
    label: 'sent',
    total: count,
    out: process.stderr,
    clock: systemClock,
  });
  const said = new Set<string>();
  const say = (reason: string): void => {
    if (said.size < 20 && said.size !== said.add(reason).size) progress.say(reason);
  };
  const kafka = kafkaPlaceOf(values.target, process.env);
  for (const name of ['acks', 'compression'] as const) {
    if (kafka === null && values[name] !== null)
      throw new UsageError(
        `--${name} is for events that go to Kafka: say where with --target kafka://host:port/topic or KAFKA_BROKERS.`,
      );
  }
  await using log =
    kafka === null
      ? null
      : (await import('./kafka-target.ts')).createKafkaTarget({
          ...kafka,
          acks: values.acks ?? 'all',
          compression: values.compression ?? 'none',
          env: process.env,
          clock: systemClock,
          patienceMs,
          onWait: say,
        });
  const result = await sendEvents({
    events: stream.events(),
    client: log ?? clientOf(values, say),
    rate: values.rate,
    clock: systemClock,
    stop: interrupt.stop,
    abandon: interrupt.abandon,
    onProgress: (sent) => progress.update(sent),
  });
  progress.finish();
  const perSecond = Math.round(result.sent / Math.max(0.001, result.seconds));
  process.stdout.write(
    [
      `sent            ${shown(result.sent)}${result.sent < count ? ` of ${shown(count)} (stopped early)` : ''}`,
      `accepted        ${shown(result.accepted)}`,
      // Kafka takes any bytes: what becomes of them, the gateways that read them tell.
      ...(kafka !== null
        ? [`made invalid    ${shown(stream.invalidCount)} of all ${shown(count)}`]
        : [
            `dead-lettered   ${shown(result.deadLettered)} (${shown(stream.invalidCount)} of all ${shown(count)} were made invalid)`,
            `rejected        ${shown(result.rejected)}`,
          ]),
      `time            ${duration(result.seconds)}, ${shown(perSecond)} events/s`,
      '',
    ].join('\n'),
  );
  return result.sent < count ? 130 : 0;
}

function countOf({ count, burst, rate, duration: seconds }: FlagValues<typeof flags>): number {
  if (burst && rate !== null)
    throw new UsageError(
      '--burst and --rate exclude each other: a burst goes as fast as the gateway takes it.',
    );
  if (seconds === null) return count ?? 10_000;
  if (rate === null) throw new UsageError('--duration needs --rate: events per second.');
  if (count !== null)
    throw new UsageError(
      '--count and --duration exclude each other: rate × duration is the count.',
    );
  return Math.max(1, Math.round(rate * seconds));
}

function timeOf(given: string | null): number | null {
  if (given === null) return null;
  const parsed = parseTimestamp(given);
  if (parsed.ok) return parsed.ms;
  throw new UsageError(
    `--now is "${given}"; allowed is a time with an offset, such as 2026-01-31T12:00:00Z.`,
  );
}

function clientOf(
  { target }: FlagValues<typeof flags>,
  onWait: (reason: string) => void = () => {},
): GatewayClient {
  // Events may go to Kafka while a gateway is watched.
  const url =
    target === null || target.startsWith('kafka:') ? defaultGatewayUrl(process.env) : target;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(
      `--target is "${url}"; allowed is the http or https address of a gateway, such as http://127.0.0.1:8080, or kafka://host:port/topic.`,
    );
  }
  return createGatewayClient({
    url,
    apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
    clock: systemClock,
    patienceMs,
    onWait,
  });
}

await runCommand(command, process.argv.slice(2), generate);
