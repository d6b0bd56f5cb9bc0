// Settings while the gateway runs: what is shown, what may change, all or nothing, and what
// survives a restart.

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settings as table } from '../../gateway/config/all-sections.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { problemOf, testApp } from './test-services.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-settings-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (app: ReturnType<typeof testApp>, section: string, values: unknown, query = '') =>
  app.request(`/config/${section}${query}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(values),
  });
const started = async (env: Record<string, string> = {}): Promise<Settings> => {
  const settings = new Settings({
    yaml: null,
    env: { VECTORSTREAM_DATA_DIR: folder, ...env },
    flags: new Map(),
  });
  await settings.loadOverrides();
  return settings;
};

describe('GET /config', () => {
  test('shows every setting with its origin; of a secret, only whether it is set', async () => {
    const { request } = testApp(
      {},
      {
        VECTORSTREAM_API_KEYS: 'boss:admin:the-key-of-the-boss',
        VECTORSTREAM_RUNNER_TOKEN: 'the-runner-token',
        QDRANT_API_KEY: 'the-qdrant-key',
        VECTORSTREAM_PIPELINE_BATCH_AGE_MS_MAX: '7',
        KAFKA_SASL_MECHANISM: 'plain',
        KAFKA_SASL_USERNAME: 'the-kafka-user',
        KAFKA_SASL_PASSWORD: 'the-kafka-password',
      },
    );
    const response = await request('/config', { headers: { 'x-api-key': 'the-key-of-the-boss' } });
    const text = await response.text();
    const config = JSON.parse(text);
    for (const { section, name, key } of table)
      expect(Object.keys(config[section][name])).toEqual([
        key.secret ? 'is_set' : 'value',
        'origin',
        'live',
      ]);
    expect(config.pipeline.batchAgeMsMax).toEqual({ value: 7, origin: 'environment', live: true });
    expect(config.gateway.port).toEqual({ value: 8080, origin: 'default', live: false });
    expect(config.gateway.apiKeys).toEqual({ is_set: true, origin: 'environment', live: false });
    expect(config.gateway.apiKey).toEqual({ is_set: false, origin: 'default', live: false });
    expect(text).not.toMatch(/the-(key|runner|qdrant|kafka)/);
  });

  test('distinguishes a value of a file from one of a flag', () => {
    const settings = new Settings({
      yaml: 'search: {waitMsMax: 30}',
      env: {},
      flags: new Map([['port', '0']]),
    });
    const origins = new Map(table.map((setting) => [setting.path, settings.origin(setting)]));
    expect([
      origins.get('search.waitMsMax'),
      origins.get('gateway.port'),
      origins.get('gateway.host'),
    ]).toEqual(['file', 'flag', 'default']);
  });
});

describe('PUT /config/{section}', () => {
  test('changes what it names, returns the new section, and records who did it', async () => {
    const app = testApp();
    const response = await put(app, 'pipeline', { batchAgeMsMax: 20, writesInFlightMax: '3' });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      batchAgeMsMax: { value: 20, origin: 'request' },
      writesInFlightMax: { value: 3 },
      unsettledMax: { origin: 'default' },
    });
    expect(app.services.config.pipeline.batchAgeMsMax).toBe(20);
    expect(app.audited).toEqual([
      expect.objectContaining({
        method: 'PUT',
        path: '/config/pipeline',
        status: 200,
        key: null,
        changed: { batchAgeMsMax: 20, writesInFlightMax: '3' },
        persist: false,
      }),
    ]);
    await put(app, 'pipeline', { batchAgeMsMax: null });
    expect(app.services.config.pipeline).toMatchObject({ batchAgeMsMax: 5, writesInFlightMax: 3 });
  });

  test('needs a body that is announced as JSON', async () => {
    const untyped = await testApp().request('/config/pipeline', { method: 'PUT' });
    expect(await problemOf(untyped)).toMatchObject({
      status: 415,
      detail: 'Send the body as Content-Type: application/json.',
    });
  });

  test('changes nothing when one of them is wrong', async () => {
    const app = testApp();
    const refused = async (section: string, values: unknown) => {
      const { status, code, detail } = await problemOf(await put(app, section, values));
      return [status, code, detail];
    };
    expect(await refused('pipeline', { batchAgeMsMax: 20, writesInFlightMax: 65 })).toEqual([
      422,
      'validation_failed',
      'pipeline.writesInFlightMax is 65; allowed: a whole number from 1 to 64.',
    ]);
    expect(await refused('pipeline', { batchAgeMsMax: 20, writesInFlight: 3 })).toEqual([
      422,
      'validation_failed',
      'Unknown setting "pipeline.writesInFlight": did you mean pipeline.writesInFlightMax?',
    ]);
    const prototype: unknown = JSON.parse('{ "batchAgeMsMax": 20, "__proto__": 1 }');
    expect(await refused('pipeline', prototype)).toEqual([
      422,
      'validation_failed',
      'Unknown setting "pipeline.__proto__": vectorstream.example.yaml lists what is allowed',
    ]);
    expect(await refused('retries', { delayMs: 5000, delayMsMax: 100 })).toEqual([
      422,
      'validation_failed',
      'retries.delayMs is 5000 and retries.delayMsMax is 100: delayMsMax cannot be less than ' +
        'delayMs.',
    ]);
    expect(await refused('search', { waitMsMax: 50, toString: 1 })).toMatchObject([
      422,
      'validation_failed',
      expect.any(String),
    ]);
    expect(await refused('gateway', { port: 9 })).toEqual([
      409,
      'restart_needed',
      'gateway.port cannot change while the gateway runs: set it by file, environment or ' +
        'flag, and restart.',
    ]);
    expect(await refused('runners', { fleetMax: 3, token: 'a-new-token' })).toMatchObject([
      409,
      'restart_needed',
      expect.not.stringContaining('a-new-token'),
    ]);
    expect(await refused('nowhere', { a: 1 })).toMatchObject([
      404,
      'section_not_found',
      expect.any(String),
    ]);
    expect(await refused('__proto__', { a: 1 })).toMatchObject([
      404,
      'section_not_found',
      expect.any(String),
    ]);
    expect(await refused('pipeline', [1])).toMatchObject([
      422,
      'validation_failed',
      expect.any(String),
    ]);
    expect(await refused('pipeline', { batchAgeMsMax: { a: 1 } })).toMatchObject([
      422,
      'validation_failed',
      expect.any(String),
    ]);
    expect({ ...app.services.config.pipeline }).toEqual(
      parseConfig({ yaml: null, env: {}, flags: new Map() }).pipeline,
    );
    expect(app.services.config.runners.fleetMax).toBe(256);
    expect(app.audited.map(({ status }) => status)).toEqual([
      422, 422, 422, 422, 422, 409, 409, 404, 404, 422, 422,
    ]);
  });

  test('is lost at a restart, unless persisted: then it overrides the environment', async () => {
    const env = { VECTORSTREAM_SEARCH_WAIT_MS_MAX: '500' };
    const first = await started(env);
    await first.change('search', { queryCacheMax: 7 }, false);
    await first.change('search', { waitMsMax: 900 }, true);
    await first.change('pipeline', { batchAgeMsMax: 9 }, true);
    expect(await readFile(join(folder, 'overrides.yaml'), 'utf8')).toContain(
      'search:\n  waitMsMax: 900\n',
    );
    expect((await stat(join(folder, 'overrides.yaml'))).mode & 0o777).toBe(0o600);

    const second = await started(env);
    expect([
      second.config.search.waitMsMax,
      second.config.search.queryCacheMax,
      second.config.pipeline.batchAgeMsMax,
    ]).toEqual([900, 1000, 9]);
    await second.change('search', { waitMsMax: 30 }, false);
    await second.change('search', { waitMsMax: null }, false);
    expect(second.config.search.waitMsMax).toBe(900);
    await second.change('search', { waitMsMax: null }, true);
    expect(second.config.search.waitMsMax).toBe(500);
    await second.change('pipeline', { batchAgeMsMax: null }, true);
    await expect(stat(join(folder, 'overrides.yaml'))).rejects.toThrow('ENOENT');
  });

  test('that cannot be persisted changes nothing', async () => {
    const settings = await started();
    await rm(folder, { recursive: true });
    await expect(settings.change('search', { waitMsMax: 900 }, true)).rejects.toThrow('ENOENT');
    expect(settings.config.search.waitMsMax).toBe(2000);
  });

  test('concurrent changes do not undo each other', async () => {
    const settings = await started();
    await Promise.all([
      settings.change('search', { waitMsMax: 900 }, true),
      settings.change('pipeline', { batchAgeMsMax: 9 }, true),
      settings.change('search', { queryCacheMax: 9 }, true),
    ]);
    const { config } = await started();
    expect([
      config.search.waitMsMax,
      config.search.queryCacheMax,
      config.pipeline.batchAgeMsMax,
    ]).toEqual([900, 9, 9]);
  });
});

test.each([
  ['gateway: {port: 1}', /overrides\.yaml: gateway\.port cannot be overridden/],
  [
    'pipeline: {batchAgeMsMax: x}',
    /overrides\.yaml: pipeline\.batchAgeMsMax is "x"; allowed: .* Correct or delete the file\./,
  ],
  ['pipeline: [', /overrides\.yaml: The settings file is not valid YAML/],
])('a file of overrides with %j stops the start', async (yaml, message) => {
  await writeFile(join(folder, 'overrides.yaml'), yaml);
  await expect(started()).rejects.toThrow(message);
});
