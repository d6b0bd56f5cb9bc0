// `npm run generate`: makes the events of a fictional shop and sends them to a gateway or to Kafka,
// or writes them to a file.

import { UsageError } from '#core/errors/errors.ts';
import { parseTimestamp } from '#core/event/timestamp.ts';
import { systemClock } from '#core/time/clock.ts';
import { acknowledgements, compressions } from '../../kafka/kafka-settings.ts';
import {
  choice,
  integer,
  number,
  text,
  toggle,
  section,
  orVariables,
  kafkaVariables,
} from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import {
  connectGateway,
  defaultGatewayUrl,
  gatewayVariables,
  requireHttpUrl,
  type GatewayConnection,
} from '../gateway/gateway-connection.ts';
import { listenForInterrupt } from '../interrupt.ts';
import type { Interrupt } from '../interrupt.ts';
import {
  count as formatted,
  createProgress,
  duration,
  tolerateClosedPipes,
} from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { monitor } from '../status/gateway-monitor.ts';
import type { EventStream } from './event-stream.ts';
import { generatorFlags, streamOf } from './generator-flags.ts';
import { kafkaEndpointOf } from './kafka-endpoint.ts';
import { gatewayTarget, sendEvents, type SendResult } from './send-events.ts';
import { writeEvents } from './write-events.ts';

const flags = {
  ...section('How many, how fast', {
    count: integer('N', null, 1, 1e9, 'how many events (default 10000, or rate × duration)'),
    burst: toggle('as fast as the gateway accepts them; the default without --rate'),
    rate: number('R', null, 0.01, 1e6, 'events per second'),
    duration: number('S', null, 0.1, 31_536_000, 'seconds for which to send at that rate'),
  }),
  ...generatorFlags,
  ...section('Events', {
    now: text(
      'TIME',
      null,
      'the present time for the generator, such as 2026-01-31T12:00:00Z (default: the clock)',
    ),
  }),
  ...section('Where to', {
    target: orVariables(
      'KAFKA_BROKERS and KAFKA_TOPIC, or VECTORSTREAM_HOST and VECTORSTREAM_PORT',
      text(
        'URL',
        null,
        'the gateway (default http://127.0.0.1:8080), or kafka://host:port,…/topic',
      ),
    ),
    acks: choice(
      acknowledgements,
      null,
      'Kafka: which replicas must have an event: all in sync, the leader or none (default all)',
    ),
    compression: choice(compressions, null, 'Kafka: how events are compressed (default none)'),
    out: text('FILE', null, 'writes NDJSON to a file, or to the output with -, instead of sending'),
  }),
  ...section('Watching', {
    'monitor-only': toggle('sends nothing and shows what the gateway is doing'),
  }),
};

type Flags = FlagValues<typeof flags>;

const command: Command<typeof flags> = {
  usage: 'npm run generate --',
  about:
    'Makes the events of a shop (visitors search, view, fill carts, buy) and sends them to a ' +
    'gateway or to Kafka.',
  flags,
  operands: [],
  variables: {
    ...gatewayVariables,
    ...kafkaVariables,
  },
};

const retryForMs = 60_000;
const graceMs = 4000;
/** The present time for a file when only a seed is given, so that the file is always the same. */
const fixedNow = Date.UTC(2026, 0, 1);
const differentReasonsMax = 20;

async function generate(values: Flags): Promise<number> {
  const { rate, out } = values;
  const count = countOf(values);
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  if (values['monitor-only']) {
    const { client, throwExplained } = connectionOf(values, () => undefined);
    const signal = interrupt.stop;
    await monitor({ client, clock: systemClock, signal, out: process.stdout }).catch(
      throwExplained,
    );
    return 0;
  }
  const isSeedGiven = process.argv.some(
    (argument) => argument === '--seed' || argument.startsWith('--seed='),
  );
  const now = timeOf(values.now) ?? (out !== null && isSeedGiven ? fixedNow : systemClock.now());
  const stream = streamOf({ flags: values, count, rate, now });
  return out === null
    ? await send(values, stream, count, interrupt)
    : await write(out, stream, count, interrupt);
}

async function write(
  out: string,
  stream: EventStream,
  count: number,
  interrupt: Interrupt,
): Promise<number> {
  const written = await writeEvents(stream.events(), out, interrupt.stop);
  const where = out === '-' ? '' : ` to ${out}`;
  const invalid = `${formatted(stream.invalidCount)} of ${formatted(count)} planned as invalid`;
  process.stderr.write(`${formatted(written)} events written${where}, ${invalid}\n`);
  return written === count ? 0 : 130;
}

async function send(
  values: Flags,
  stream: EventStream,
  count: number,
  interrupt: Interrupt,
): Promise<number> {
  const kafka = kafkaEndpointOf(values.target, process.env);
  if (kafka === null) refuseKafkaFlags(values);
  const progress = createProgress({
    label: 'sent',
    total: count,
    out: process.stderr,
    clock: systemClock,
  });
  const reported = new Set<string>();
  const onWait = (reason: string): void => {
    if (reported.size >= differentReasonsMax || reported.has(reason)) return;
    reported.add(reason);
    progress.say(reason);
  };
  const options = {
    events: stream.events(),
    rate: values.rate,
    clock: systemClock,
    stop: interrupt.stop,
    abandon: interrupt.abandon,
    onProgress: (sent: number) => progress.update(sent),
  };
  let result: SendResult;
  if (kafka === null) {
    const { client, throwExplained } = connectionOf(values, onWait);
    const target = gatewayTarget(client);
    result = await sendEvents({ ...options, target }).catch(throwExplained);
  } else {
    // Loaded only when it is used: it takes longer than the rest of the program.
    const { createKafkaTarget } = await import('./kafka-target.ts');
    await using target = createKafkaTarget({
      ...kafka,
      acks: values.acks ?? 'all',
      compression: values.compression ?? 'none',
      env: process.env,
      clock: systemClock,
      retryForMs,
      onWait,
    });
    result = await sendEvents({ ...options, target });
  }
  progress.finish();
  process.stdout.write(summary(result, stream.invalidCount, count, kafka !== null));
  return result.sent < count ? 130 : 0;
}

function summary(
  { sent, accepted, rejected, deadLettered, seconds }: SendResult,
  invalidCount: number,
  count: number,
  isKafka: boolean,
): string {
  const [all, invalid] = [formatted(count), formatted(invalidCount)];
  const perSecond = Math.round(sent / Math.max(0.001, seconds));
  return [
    `sent            ${formatted(sent)}${sent < count ? ` of ${all} (stopped early)` : ''}`,
    `accepted        ${formatted(accepted)}`,
    // Kafka accepts any bytes. Only the gateways that read them find out which are invalid.
    ...(isKafka
      ? [`made invalid    ${invalid} of all ${all}`]
      : [
          `dead-lettered   ${formatted(deadLettered)} (${invalid} of all ${all} were made invalid)`,
          `rejected        ${formatted(rejected)}`,
        ]),
    `time            ${duration(seconds)}, ${formatted(perSecond)} events/s`,
    '',
  ].join('\n');
}

function refuseKafkaFlags(values: Flags): void {
  for (const name of ['acks', 'compression'] as const) {
    if (values[name] !== null)
      throw new UsageError(
        `--${name} is for events that go to Kafka: ` +
          'name a topic with --target kafka://host:port/topic or KAFKA_BROKERS.',
      );
  }
}

function countOf({ count, burst, rate, duration: seconds }: Flags): number {
  if (burst && rate !== null)
    throw new UsageError(
      '--burst and --rate exclude each other: a burst goes as fast as the gateway accepts it.',
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

function connectionOf({ target }: Flags, onWait: (reason: string) => void): GatewayConnection {
  // With --monitor-only, the target may be the topic that the gateway reads.
  const url =
    target === null || target.startsWith('kafka:') ? defaultGatewayUrl(process.env) : target;
  requireHttpUrl(url, ', or kafka://host:port/topic');
  return connectGateway({
    url,
    apiKey: process.env['VECTORSTREAM_API_KEY'] ?? null,
    retryForMs,
    onWait,
  });
}

await runCommand(command, process.argv.slice(2), generate);
