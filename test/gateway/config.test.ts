// Settings from file, environment and flags: precedence, one-line refusals, the keys that a network
// needs, and the example file.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { settings } from '../../gateway/config/all-sections.ts';
import { exampleYaml, helpText } from '../../gateway/config/config-help.ts';
import { sourceKind, storeKind } from '../../gateway/config/config.ts';
import { isLoopback } from '../../gateway/config/network.ts';
import { parseConfig, type ConfigInput } from '../../gateway/config/parse-config.ts';
import { parseFlags } from '../../gateway/config/parse-flags.ts';
import { SettingsError } from '../../gateway/config/settings-mistakes.ts';

const parse = ({
  yaml = null,
  env = {},
  flags = [],
}: {
  yaml?: string | null;
  env?: ConfigInput['env'];
  flags?: string[];
}) => parseConfig({ yaml, env, flags: parseFlags(flags).flags });

function refusal(input: Parameters<typeof parse>[0]): string {
  try {
    parse(input);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('It was accepted.');
}

function refused(run: () => unknown): SettingsError {
  try {
    run();
  } catch (error) {
    if (error instanceof SettingsError) return error;
  }
  throw new Error('It was accepted.');
}

/** Whether it runs to the end or throws a UsageError of one line; rethrows anything else. */
function inOneLine(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof UsageError)
      return error.message.split('\n').every((line) => /^[^\r\n\u2028\u2029]{1,400}$/.test(line));
    throw error;
  }
}

describe('precedence', () => {
  test('flags win over environment over file over defaults', () => {
    expect(parse({}).gateway.port).toBe(8080);
    expect(parse({ yaml: 'gateway: {port: 1}' }).gateway.port).toBe(1);
    expect(
      parse({ yaml: 'gateway: {port: 1}', env: { VECTORSTREAM_PORT: '2' } }).gateway.port,
    ).toBe(2);
    expect(
      parse({ yaml: 'gateway: {port: 1}', env: { VECTORSTREAM_PORT: '2' }, flags: ['--port', '3'] })
        .gateway.port,
    ).toBe(3);
    expect(parse({ flags: ['--port=4'] }).gateway.port).toBe(4);
  });

  test('an empty variable, an empty file and an empty section set nothing', () => {
    expect(parse({ yaml: '', env: { VECTORSTREAM_PORT: '' } })).toEqual(parse({}));
    expect(parse({ yaml: 'gateway:\nstore:\n' })).toEqual(parse({}));
  });
});

describe('a mistake is reported in one line with name, value and bound', () => {
  test.each([
    [
      { yaml: 'gateway: {port: 70000}' },
      'gateway.port is 70000; allowed: a whole number from 0 to 65535.',
    ],
    [
      { env: { VECTORSTREAM_PORT: 'http' } },
      'VECTORSTREAM_PORT is "http"; allowed: a whole number from 0 to 65535.',
    ],
    [
      { env: { VECTORSTREAM_PORT: '0x50' } },
      'VECTORSTREAM_PORT is "0x50"; allowed: a whole number from 0 to 65535.',
    ],
    [
      { flags: ['--runners', '-1'] },
      '--runners is "-1"; allowed: auto, or a whole number from 0 to 256.',
    ],
    [
      { env: { LOG_LEVEL: 'loud' } },
      'LOG_LEVEL is "loud"; allowed: one of fatal, error, warn, info, debug, trace, silent.',
    ],
    [{ yaml: 'gatway: {port: 1}' }, 'Unknown section "gatway": did you mean gateway?'],
    [{ yaml: 'gateway: {prot: 1}' }, 'Unknown setting "gateway.prot": did you mean gateway.port?'],
    [{ yaml: 'gateway: 8080' }, 'gateway is a number; allowed: a mapping of names to values.'],
    [{ yaml: '- 1' }, 'The settings file is a list; allowed: a mapping of names to values.'],
    [{ yaml: '&a [*a]' }, 'The settings file is a list; allowed: a mapping of names to values.'],
    [
      { env: { VECTORSTREAM_PROT: '1' } },
      'Unknown variable "VECTORSTREAM_PROT": did you mean VECTORSTREAM_PORT?',
    ],
    [
      { env: { VECTORSTREAM_SOMETHING_ELSE_ALTOGETHER: '1' } },
      'Unknown variable "VECTORSTREAM_SOMETHING_ELSE_ALTOGETHER": vectorstream.example.yaml ' +
        'lists what is allowed',
    ],
    [{ flags: ['--prot', '1'] }, 'Unknown flag "--prot": did you mean --port?'],
    [{ flags: ['--port'] }, '--port needs a value; --help lists what is allowed.'],
    [
      { flags: ['8081'] },
      'Unexpected argument "8081": settings are given as --name value; --help lists them.',
    ],
  ])('%j', (input, message) => {
    expect(refusal(input)).toBe(message);
  });

  test('every mistake is told at once, each with its line of the file', () => {
    const yaml = [
      'gateway:',
      '  port: many',
      '  prot: 1',
      'logging:',
      '  level: loud',
      'qdrant:',
      '  url: localhost',
    ].join('\n');
    const all = refused(() =>
      parseConfig({
        yaml,
        env: { VECTORSTREAM_PROT: '1', LOG_LEVEL: 'info', KAFKA_TOPIC: 'a b' },
        flags: new Map([['runners', '-1']]),
      }),
    );
    // What the environment replaces is not used, and not refused.
    expect(all.located('shop.yaml').split('\n')).toEqual([
      'shop.yaml:3: Unknown setting "gateway.prot": did you mean gateway.port?',
      'Unknown variable "VECTORSTREAM_PROT": did you mean VECTORSTREAM_PORT?',
      'shop.yaml:2: gateway.port is "many"; allowed: a whole number from 0 to 65535.',
      expect.stringMatching(/^KAFKA_TOPIC is "a b"; allowed: /),
      expect.stringMatching(/^shop\.yaml:7: qdrant\.url is "localhost"; allowed: /),
      expect.stringMatching(/^--runners is "-1"; allowed: /),
    ]);
    expect(refused(() => parseFlags(['--prot', '1', '--levl', 'x'])).mistakes).toHaveLength(2);
    const together = { VECTORSTREAM_SOURCE: 'kafka', VECTORSTREAM_STORE: 'qdrant' };
    expect(
      refused(() => parseConfig({ yaml: null, env: together, flags: new Map() })).mistakes,
    ).toHaveLength(2);
  });

  test('invalid YAML is reported by its position, without quoting the file', () => {
    const message = refusal({ yaml: 'gateway:\n  apiKey: "hunter2-hunter2\n  port: [1' });
    expect(message).toMatch(/^The settings file is not valid YAML: .*line \d+/);
    expect(message).not.toContain('hunter2');
  });

  test.each([
    'gateway:\n  apiKey: *hunter2-hunter2',
    'gateway:\n  apiKey: !hunter2-hunter2 {',
    'gateway:\n  apiKey: "\\hunter2-hunter2"',
    'VECTORSTREAM_API_KEY=hunter2-hunter2',
    'VECTORSTREAM_API_KEY=hunter2-hunter2:',
    'gateway:\n  apiKey=hunter2-hunter2: 1',
    'gateway: apiKey=hunter2-hunter2',
    '[apiKey, hunter2-hunter2]',
  ])('a secret that is written wrongly is not shown: %j', (yaml) => {
    const message = refusal({ yaml });
    expect(message).toMatch(/^(The settings file|Unknown|gateway) /);
    expect(message).not.toContain('hunter2');
  });

  test('a message contains no terminal control characters', () => {
    expect(refusal({ flags: ['\u009b31m\u007f\u202e\u2028'] })).toBe(
      'Unexpected argument " 31m ": settings are given as --name value; --help lists them.',
    );
  });

  test('a secret is never shown and never accepted as a flag', () => {
    expect(refusal({ env: { VECTORSTREAM_API_KEY: 'my secret key' } })).toBe(
      'VECTORSTREAM_API_KEY is [redacted]; allowed: 1 to 512 printable ASCII characters ' +
        'without spaces.',
    );
    expect(refusal({ flags: ['--gateway-api-key', 'my-secret-key'] })).not.toContain(
      'my-secret-key',
    );
    const config = parse({
      env: { VECTORSTREAM_API_KEY: 'my-secret-key', VECTORSTREAM_RUNNER_TOKEN: 'my-secret-token' },
    });
    expect(config.gateway.apiKey).toBe('my-secret-key');
  });

  test('any file, environment and flags give a Config or a one-line error', () => {
    const word = fc.oneof(
      fc.constantFrom(
        ...settings.flatMap(({ path, name, section, variable }) => [path, name, section, variable]),
        '__proto__',
        'constructor',
      ),
      fc.string(),
    );
    const value = fc.oneof(fc.jsonValue(), fc.string());
    fc.assert(
      fc.property(
        fc.dictionary(word, fc.oneof(value, fc.dictionary(word, value))),
        fc.dictionary(word, fc.string()),
        fc.array(fc.oneof(word, fc.string())),
        fc.string(),
        (file, env, flags, text) => {
          expect([
            inOneLine(() => parse({ yaml: JSON.stringify(file) })),
            inOneLine(() => parse({ yaml: text })),
            inOneLine(() => parse({ env })),
            inOneLine(() => parse({ flags: flags.map((flag) => `--${flag}`) })),
          ]).toEqual([true, true, true, true]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('keys and addresses', () => {
  test('a host that other machines reach needs a key and a token', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.1.example.com']) {
      expect(refusal({ env: { VECTORSTREAM_HOST: host } })).toMatch(
        /which other machines can reach: set VECTORSTREAM_API_KEY and VECTORSTREAM_RUNNER_TOKEN/,
      );
      expect(refusal({ env: { VECTORSTREAM_HOST: host, VECTORSTREAM_API_KEY: 'k' } })).toMatch(
        /: set VECTORSTREAM_RUNNER_TOKEN, or/,
      );
      expect(
        parse({
          env: {
            VECTORSTREAM_HOST: host,
            VECTORSTREAM_API_KEY: 'the-key-of-the-boss',
            VECTORSTREAM_RUNNER_TOKEN: 'a-token-of-runners',
          },
        }).gateway.host,
      ).toBe(host);
    }
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
      expect(isLoopback(host)).toBe(true);
  });

  test('Qdrant is the store when its address is set, unless told otherwise', () => {
    const QDRANT_URL = 'http://localhost:6333';
    const kinds = [
      {},
      { QDRANT_URL },
      { QDRANT_URL, VECTORSTREAM_STORE: 'embedded' },
      { QDRANT_URL, VECTORSTREAM_STORE: 'qdrant' },
    ].map((env) => storeKind(parse({ env })));
    expect(kinds).toEqual(['embedded', 'qdrant', 'embedded', 'qdrant']);
    expect(refusal({ env: { VECTORSTREAM_STORE: 'qdrant' } })).toBe(
      'store.kind is qdrant, but its address is missing: set QDRANT_URL, such as ' +
        'http://127.0.0.1:6333.',
    );
    expect(
      refusal({ env: { QDRANT_COLLECTION: 'one', QDRANT_EVENTS_COLLECTION: 'one' } }),
    ).toContain('events and products need a collection each');
    for (const bad of [
      'localhost:6333',
      'ftp://host',
      'http://user:secret@host:6333',
      'http://host?x',
    ])
      expect(refusal({ env: { QDRANT_URL: bad } })).toContain('allowed: an address such as');
  });

  test('Kafka is the default source if brokers are set; partial settings are refused', () => {
    expect(sourceKind(parse({}))).toBe('embedded');
    expect(sourceKind(parse({ env: { KAFKA_BROKERS: 'localhost:9092, [::1]:9093' } }))).toBe(
      'kafka',
    );
    expect(parse({ env: { KAFKA_BROKERS: 'localhost:9092, [::1]:9093' } }).kafka.brokers).toEqual([
      'localhost:9092',
      '[::1]:9093',
    ]);
    expect(
      sourceKind(
        parse({ env: { KAFKA_BROKERS: 'localhost:9092', VECTORSTREAM_SOURCE: 'embedded' } }),
      ),
    ).toBe('embedded');
    expect(refusal({ env: { VECTORSTREAM_SOURCE: 'kafka' } })).toContain('set KAFKA_BROKERS');
    for (const brokers of [
      'localhost',
      'localhost:0',
      'localhost:70000',
      'a:1,,b:2',
      'user:secret@host:1',
    ]) {
      expect(refusal({ env: { KAFKA_BROKERS: brokers } })).toContain(
        'allowed: brokers as host:port, separated by commas',
      );
    }
    expect(refusal({ env: { KAFKA_TOPIC: 'a b' } })).toContain(
      'allowed: a topic of 1 to 230 characters',
    );
    const login = {
      KAFKA_BROKERS: 'localhost:9092',
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'me',
    };
    expect(refusal({ env: login })).toContain(
      'needs both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
    );
    expect(
      refusal({ env: { ...login, KAFKA_SASL_MECHANISM: '', KAFKA_SASL_PASSWORD: 'hunter2' } }),
    ).toMatch(/set KAFKA_SASL_MECHANISM(?!.*hunter2)/);
  });

  test('a sink needs Kafka, and a topic that nothing else uses', () => {
    const sink = { VECTORSTREAM_SINK_TOPIC: 'vectors' };
    expect(refusal({ env: sink })).toContain('the address of Kafka is missing: set KAFKA_BROKERS');
    const env = { ...sink, KAFKA_BROKERS: 'localhost:9092' };
    expect(parse({ env }).sink).toEqual({ topic: 'vectors', content: 'embedding', key: 'text' });
    for (const used of [
      { KAFKA_TOPIC: 'vectors' },
      { KAFKA_DLQ_TOPIC: 'vectors' },
      { KAFKA_TOPIC: 'v', VECTORSTREAM_SINK_TOPIC: 'v.dlq.state' },
    ])
      expect(refusal({ env: { ...env, ...used } })).toContain('needs a topic of its own');
  });
});

test('trusted runners need a token of their own', () => {
  expect(() =>
    parse({
      env: {
        VECTORSTREAM_RUNNER_TOKEN: 'a-token-of-runners',
        VECTORSTREAM_TRUSTED_RUNNER_TOKEN: 'a-token-of-runners',
      },
    }),
  ).toThrow(/VECTORSTREAM_TRUSTED_RUNNER_TOKEN and VECTORSTREAM_RUNNER_TOKEN are the same/);
});

test('kafka.topics takes names and patterns, with a mapping or without', () => {
  const topics = 'orders, shop.clicks=segment, ^crm[.](?=eu).+$=maps/crm.yaml';
  expect(parse({ env: { KAFKA_TOPICS: topics } }).kafka.topics).toEqual([
    'orders',
    'shop.clicks=segment',
    '^crm[.](?=eu).+$=maps/crm.yaml',
  ]);
  for (const wrong of ['two words', '^(', '=segment', 'a='])
    expect(() => parse({ env: { KAFKA_TOPICS: wrong } })).toThrow(/KAFKA_TOPICS/);
  for (const dlq of ['ecommerce-events.dlq', 'ecommerce-events.dlq.state'])
    expect(() => parse({ env: { KAFKA_TOPICS: dlq } })).toThrow(/has the dead letters/);
});

test('kafka.from takes a day or a time, and nothing that could be either', () => {
  for (const from of ['earliest', 'latest', '2026-01-31', '2026-01-31T12:00:00+01:00'])
    expect(parse({ env: { KAFKA_FROM: from } }).kafka.from).toBe(from);
  for (const from of ['newest', '2026-02-30', '31.01.2026', '2026-01-31T12:00'])
    expect(() => parse({ env: { KAFKA_FROM: from } })).toThrow(/KAFKA_FROM/);
});

describe('help for people', () => {
  test('vectorstream.example.yaml lists exactly the settings of the schema', async () => {
    await expect(exampleYaml()).toMatchFileSnapshot('../../vectorstream.example.yaml');
    expect(parse({ yaml: exampleYaml() })).toEqual(parse({}));
  });

  test('every default is one of its own allowed values, and no two settings share a name', () => {
    for (const { key } of settings)
      expect(key.check(key.default)).toEqual({ ok: true, value: key.default });
    for (const names of [
      settings.map(({ variable }) => variable),
      settings.flatMap(({ flag }) => flag ?? []),
    ])
      expect(new Set(names).size).toBe(names.length);
  });

  test('--help names every flag with its variable beside it', () => {
    for (const { flag, variable } of settings)
      expect(helpText()).toContain(
        flag === null ? `\n  ${variable}\n` : `\n  --${flag}\n      ${variable}, `,
      );
    expect(parseFlags(['--help']).help).toBe(true);
    expect(parseFlags(['--version']).version).toBe(true);
    expect(parseFlags(['--config', 'other.yaml', '--port', '1'])).toMatchObject({
      configFile: 'other.yaml',
      flags: new Map([['port', '1']]),
    });
  });
});
