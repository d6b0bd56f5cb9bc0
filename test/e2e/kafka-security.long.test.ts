// A real broker with TLS and SASL: the right settings work for all programs, and wrong ones are
// reported in one line that says what to correct.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../helpers/gateway-program.ts';
import { noKafka } from '../helpers/kafka-broker.ts';
import { runProgram } from '../helpers/program.ts';
import {
  passwords,
  startSecuredKafkaBroker,
  username,
  type SecuredKafkaBroker,
} from '../helpers/secured-kafka-broker.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const reason =
  (await noKafka()) ??
  (process.env['KAFKA_BROKERS'] ? 'the broker of KAFKA_BROKERS has its own security' : null);
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const wrongPassword = 'wr0ng-pa55word';
const anyEvent = {
  event_id: 'e',
  timestamp: '2026-01-01T00:00:00Z',
  user_id: 'u',
  event_type: 'view',
  session_id: 's',
  product: { id: 'p', name: 'Red kettle', price: 1 },
};
const unsecured =
  /Closed connection .*this listener of the broker requires TLS \(KAFKA_SSL\) or a login/;

const login = (
  mechanism: (typeof mechanisms)[number],
  password: string = passwords[mechanism],
) => ({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: username,
  KAFKA_SASL_PASSWORD: password,
});

describe.skipIf(reason !== null)('a broker with TLS and SASL', () => {
  let broker: SecuredKafkaBroker;
  beforeAll(async () => {
    broker = await startSecuredKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const tls = () => ({ KAFKA_SSL: 'true', NODE_EXTRA_CA_CERTS: broker.authorityFile });
  const generate = (
    topic: string,
    environment: Readonly<Record<string, string>>,
    { brokers = broker.brokers, seed = 1 } = {},
  ) =>
    runProgram({
      script: 'cli/generator/generate.ts',
      flags: [
        '--count',
        '40',
        '--seed',
        String(seed),
        '--stream',
        'seed-10',
        '--target',
        `kafka://${brokers}/${topic}`,
      ],
      environment,
    });

  it('accepts events, dead letters and commits with each SASL mechanism', async () => {
    await using folder = await temporaryFolder();
    await using gateway = await startGateway(folder.path, {
      ...tls(),
      ...login('scram-sha-512'),
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TOPIC: 'secured',
      KAFKA_GROUP_ID: 'secured',
    });
    await until('it is ready', 180_000, async () => (await gateway.get('/readyz')).status === 200);
    for (const [seed, mechanism] of mechanisms.entries())
      expect(await generate('secured', { ...tls(), ...login(mechanism) }, { seed })).toMatchObject({
        code: 0,
      });
    expect(
      await gateway.post('/events?on_invalid=dead_letter', '{"event_id":"bad"}'),
    ).toMatchObject({ status: 202 });
    await until('everything is stored and committed', 180_000, async () => {
      const { store, events, dead_letters: deadLetters } = await gateway.stats();
      return (
        store.events === 120 &&
        events.received === 121 &&
        events.lag === 0 &&
        events.unsettled === 0 &&
        deadLetters.open === 1
      );
    });
    for (const password of Object.values(passwords))
      expect(gateway.stdout() + gateway.stderr()).not.toContain(password);
  });

  const wrongs = [
    {
      what: 'a wrong password (PLAIN)',
      gives: () => ({ ...tls(), ...login('plain', wrongPassword) }),
      says: /SASL PLAIN authentication failed.*see KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME/,
      endsSender: true,
    },
    {
      what: 'a wrong password (SCRAM)',
      gives: () => ({ ...tls(), ...login('scram-sha-256', wrongPassword) }),
      says: /SASL SCRAM SHA256 authentication failed.*see KAFKA_SASL_MECHANISM/,
      endsSender: true,
    },
    {
      what: 'an unknown authority',
      gives: () => ({ KAFKA_SSL: 'true', ...login('plain') }),
      says: /certificate.*name the authority that signed .* in NODE_EXTRA_CA_CERTS/,
      endsSender: true,
    },
    {
      what: 'no TLS where it is required',
      gives: () => login('plain'),
      says: unsecured,
      endsSender: false,
    },
    {
      what: 'no login where it is required',
      gives: () => tls(),
      says: unsecured,
      endsSender: false,
    },
    {
      what: 'TLS on a port without TLS',
      gives: () => tls(),
      atOpen: true,
      says: /before secure TLS connection was established .*does not use TLS, see KAFKA_SSL/,
      endsSender: false,
    },
    {
      what: 'a login where none is accepted',
      gives: () => login('plain'),
      atOpen: true,
      says: /this listener of the broker does not accept this login, see KAFKA_SASL_MECHANISM/,
      endsSender: true,
    },
  ] as const;

  it.each(wrongs)(
    '$what: the gateway waits, reports it once, keeps its secret, and stops at once',
    async (wrong) => {
      await using folder = await temporaryFolder();
      const brokers = 'atOpen' in wrong ? broker.open.brokers : broker.brokers;
      const gateway = await startGateway(folder.path, {
        ...wrong.gives(),
        KAFKA_BROKERS: brokers,
        KAFKA_TOPIC: 'refused',
        VECTORSTREAM_RUNNERS: '0',
      });
      const unready = await until('readiness says why', 180_000, async () => {
        const { status, body } = await gateway.get('/readyz');
        return status === 503 && wrong.says.test(JSON.stringify(body)) && JSON.stringify(body);
      });
      const refused = await gateway.post('/events', JSON.stringify(anyEvent));
      expect(refused).toMatchObject({
        status: 503,
        body: { detail: expect.stringMatching(wrong.says) },
      });
      gateway.child.kill('SIGTERM');
      const since = performance.now();
      expect(await gateway.ended).toMatchObject({ code: 0 });
      expect(performance.now() - since).toBeLessThan(5_000);
      const said = gateway
        .stdout()
        .split('\n')
        .filter((line) => wrong.says.test(line));
      // One line for the events, one for the dead letters.
      expect(said.length).toBeGreaterThan(0);
      expect(said.length).toBeLessThanOrEqual(2);
      expect(gateway.stdout() + gateway.stderr() + unready + JSON.stringify(refused)).not.toMatch(
        new RegExp([wrongPassword, ...Object.values(passwords)].join('|')),
      );
    },
  );

  it.each(wrongs.filter(({ endsSender }) => endsSender))(
    '$what: the generator ends with one line, and keeps its secret',
    async (wrong) => {
      const { code, stderr, stdout } = await generate(
        'refused',
        wrong.gives(),
        'atOpen' in wrong ? { brokers: broker.open.brokers } : {},
      );
      expect(code).toBe(1);
      expect(stderr.split('\n').filter((line) => wrong.says.test(line))).toHaveLength(1);
      expect(stderr + stdout).not.toMatch(
        new RegExp([wrongPassword, ...Object.values(passwords)].join('|')),
      );
    },
  );
});
