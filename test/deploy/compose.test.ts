// Checks docker-compose.yml against the code: every port, variable, flag, build target and mounted
// file that it names exists.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseOptions as parseBrowserOptions } from '../../browser-runner/browser-runner-options.ts';
import { kafkaEndpointOf } from '../../cli/generator/kafka-endpoint.ts';
import { settings } from '../../gateway/config/all-sections.ts';
import { sourceKind, storeKind } from '../../gateway/config/config.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { weaknessOf } from '../../gateway/config/weak-secrets.ts';
import { parseOptions as parseNodeOptions } from '../../node-runner/node-runner-options.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import {
  compose,
  exampleEnvironment,
  read,
  root,
  secrets,
  service,
  services,
  variablesUsed,
} from './compose-file.ts';
import { environmentOf, lastOf, stages, targets } from './dockerfile.ts';
import { runners, runnerVariables } from './runner-variables.ts';

const own = services.filter(([, { build }]) => build !== undefined);

/** `127.0.0.1:8090:8080` → the port on this machine and the port in the container. */
const ports = new Map(
  services.map(([name, { ports: published = [] }]) => [
    name,
    published.map((port) => {
      const [, host = '', container = ''] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(port) ?? [];
      return { host: Number(host), container: Number(container) };
    }),
  ]),
);

/** Ports on which a service listens within the network. */
function listensOn(name: string): readonly number[] {
  const exposed = own.some(([one]) => one === name)
    ? (lastOf(service(name).build?.target ?? '', 'EXPOSE') ?? '').split(' ').map(Number)
    : [];
  const kafka = [...(service(name).environment['KAFKA_LISTENERS'] ?? '').matchAll(/:(\d+)/g)].map(
    (match) => Number(match[1]),
  );
  return [...exposed, ...kafka, ...(ports.get(name) ?? []).map(({ container }) => container)];
}

/** Whether it or its image has a health check. */
const isChecked = (name: string): boolean =>
  service(name).healthcheck !== undefined ||
  (lastOf(service(name).build?.target ?? '', 'HEALTHCHECK') ?? 'NONE') !== 'NONE';

/** Why `docker compose config` cannot be run here, or `null`. */
function composeMissing(): string | null {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'pipe' });
    return null;
  } catch {
    return 'this machine has no "docker compose"; these tests use their strict schema instead';
  }
}

const isSecret = (name: string): boolean => /(KEY|TOKEN|PASSWORD)$/.test(name);

describe('docker-compose.yml', () => {
  test('offers every interface where the README says', () => {
    const published = Object.fromEntries(
      [...ports].flatMap(([name, list]) => list.map(({ host }) => [name, host])),
    );
    expect(published).toEqual({
      gateway: 8080,
      'kafka-ui': 8090,
      kafka: 9092,
      qdrant: 6333,
      prometheus: 9090,
      alertmanager: 9093,
      grafana: 3000,
    });
  });

  test('listens on this machine only by default', () => {
    expect([...ports.values()].flat().filter(({ host }) => !(host > 0))).toEqual([]);
    expect(
      variablesUsed.filter(
        ({ name, fallback }) => name === 'BIND_ADDRESS' && fallback !== '127.0.0.1',
      ),
    ).toEqual([]);
  });

  test('builds every target of the Dockerfile', () => {
    const built = own.map(([, { build }]) => build?.target ?? '');
    expect(new Set(built)).toEqual(new Set(targets));
    expect(built.filter((target) => !stages.some(({ name }) => name === target))).toEqual([]);
  });

  test('pins the version of every image that it does not build', () => {
    const foreign = services
      .filter(([, { build }]) => build === undefined)
      .map(([, { image }]) => image);
    expect(foreign.filter((image) => !/^[\w./-]+:v?\d+\.\d+\.\d+(-\w+)?$/.test(image))).toEqual([]);
  });

  test('gives the gateway a configuration that it accepts', () => {
    const environment = {
      ...Object.fromEntries(environmentOf('gateway')),
      ...service('gateway').environment,
    };
    const config = parseConfig({ yaml: null, env: environment, flags: new Map() });
    expect(config.gateway).toMatchObject({ host: '0.0.0.0', port: listensOn('gateway')[0] });
    expect(config.runners).toMatchObject({
      count: 0,
      token: secrets.get('VECTORSTREAM_RUNNER_TOKEN'),
    });
    expect([sourceKind(config), storeKind(config)]).toEqual(['kafka', 'qdrant']);
    expect(listensOn('qdrant')).toContain(Number(new URL(config.qdrant.url ?? '').port));
  });

  test.each(runners)('gives %s options that it accepts', (name) => {
    const environment = {
      ...Object.fromEntries(environmentOf(name)),
      ...service(name).environment,
    };
    const options = (name.startsWith('browser') ? parseBrowserOptions : parseNodeOptions)(
      [],
      environment,
      { hostName: name, terminal: false },
    );
    expect(options).toMatchObject({
      gatewayUrls: ['ws://gateway:8080'],
      dataDir: '/data',
      token: service('gateway').environment['VECTORSTREAM_RUNNER_TOKEN'],
    });
    expect(options).toMatchObject({ device: name.endsWith('-gpu') ? 'webgpu' : 'auto' });
  });

  test('starts one small trusted runner, whose token no other runner has', () => {
    const secret = 'VECTORSTREAM_TRUSTED_RUNNER_TOKEN';
    const token = service('gateway').environment[secret];
    expect(token).toBe(secrets.get(secret));
    const { environment } = service('trusted-runner');
    expect(
      parseNodeOptions(
        [],
        { ...Object.fromEntries(environmentOf('node-runner')), ...environment },
        {
          hostName: 'trusted-runner',
          terminal: false,
        },
      ),
    ).toMatchObject({ token, device: 'cpu', gatewayUrls: ['ws://gateway:8080'] });
    const holders = services.filter(([, { environment: variables }]) =>
      Object.values(variables).includes(token ?? ''),
    );
    expect(holders.map(([name]) => name)).toEqual(['gateway', 'trusted-runner']);
  });

  test('sets only variables that the program in the container knows', () => {
    const known: Record<string, readonly string[]> = {
      gateway: settings.map(({ variable }) => variable),
      ...runnerVariables,
      generator: ['KAFKA_BROKERS', 'KAFKA_TOPIC'],
    };
    const unknown = own.flatMap(([name, { environment }]) =>
      Object.keys(environment)
        .filter((variable) => known[name]?.includes(variable) !== true)
        .map((variable) => `${name}: ${variable}`),
    );
    expect(unknown).toEqual([]);
  });

  test('has the generator write to the topic that the gateway reads', () => {
    const { kafka } = parseConfig({
      yaml: null,
      env: service('gateway').environment,
      flags: new Map(),
    });
    expect(kafkaEndpointOf(null, service('generator').environment)).toEqual({
      brokers: kafka.brokers,
      topic: kafka.topic,
    });
  });

  test('gives the generator flags that it has', () => {
    const help = execFileSync(
      process.execPath,
      [join(root, 'cli/generator/generate.ts'), '--help'],
      { encoding: 'utf8' },
    );
    const flags = (service('generator').command ?? []).filter((word) => word.startsWith('--'));
    expect(flags.length).toBeGreaterThan(0);
    expect(flags.filter((flag) => !new RegExp(`${flag}\\b`).test(help))).toEqual([]);
  });

  test('reaches other services by their name, on a port that they listen on', () => {
    const words = services.flatMap(([, { environment, command = [] }]) => [
      ...Object.values(environment),
      ...command,
    ]);
    const configured = [
      ...words,
      read('deploy/grafana/provisioning/datasources/prometheus.yml'),
    ].join('\n');
    const addresses = [...configured.matchAll(/(?<![\w.-])([a-z][a-z0-9-]*):(\d{2,5})\b/g)].map(
      ([, host = '', port]) => ({ host, port: Number(port) }),
    );
    const named = addresses.filter(({ host }) => host !== 'localhost');
    expect(new Set(named.map(({ host }) => host))).toEqual(
      new Set(['kafka', 'qdrant', 'gateway', 'prometheus']),
    );
    expect(named.filter(({ host, port }) => !listensOn(host).includes(port))).toEqual([]);
  });

  test('lets Prometheus scrape services that exist, with the keys that it receives', () => {
    const target = z.object({
      job_name: z.string(),
      authorization: z.object({ credentials_file: z.string() }).optional(),
      static_configs: z.array(z.object({ targets: z.array(z.string()) })).default([]),
      dns_sd_configs: z.array(z.object({ names: z.array(z.string()), port: z.int() })).default([]),
    });
    const { scrape_configs: jobs } = z
      .object({ scrape_configs: z.array(target) })
      .parse(parse(read('deploy/prometheus/prometheus.yml')));
    const addresses = jobs
      .flatMap(({ static_configs: fixed, dns_sd_configs: named }) => [
        ...fixed.flatMap(({ targets: list }) =>
          list.map((address) => ({
            host: address.split(':')[0] ?? '',
            port: Number(address.split(':')[1]),
          })),
        ),
        ...named.flatMap(({ names, port }) => names.map((host) => ({ host, port }))),
      ])
      .map(({ host, port }) => ({ host: host === '127.0.0.1' ? 'prometheus' : host, port }));
    expect(addresses.map(({ host }) => host)).toEqual(['gateway', 'qdrant', 'prometheus']);
    expect(addresses.filter(({ host, port }) => !listensOn(host).includes(port))).toEqual([]);

    const files = jobs.flatMap(({ authorization }) => authorization?.credentials_file ?? []);
    expect(files).toEqual(
      (service('prometheus').secrets ?? []).map((secret) => `/run/secrets/${secret}`),
    );
    expect(compose.secrets).toEqual({
      gateway_api_key: { environment: 'PROMETHEUS_API_KEY' },
      qdrant_api_key: { environment: 'QDRANT_API_KEY' },
    });
    expect(service('gateway').environment['VECTORSTREAM_API_KEYS']).toBe(
      `prometheus:read:${secrets.get('PROMETHEUS_API_KEY')}`,
    );
    expect(service('qdrant').environment['QDRANT__SERVICE__API_KEY']).toBe(
      service('gateway').environment['QDRANT_API_KEY'],
    );
  });

  test('keeps what a gateway writes on a volume of its own, which no other gateway shares', () => {
    expect(service('gateway').volumes).toEqual([
      environmentOf('gateway').get('VECTORSTREAM_DATA_DIR'),
    ]);
  });

  test('waits for the intake of a gateway, which needs no runner', () => {
    expect(service('gateway').healthcheck?.test.join(' ')).toContain(
      `127.0.0.1:${listensOn('gateway')[0]}/readyz?for=intake`,
    );
  });

  test('mounts files that exist, and volumes that are declared', () => {
    const mounts = services
      .flatMap(([, { volumes = [] }]) => volumes)
      .filter((volume) => volume.includes(':'))
      .map((volume) => volume.split(':')[0] ?? '');
    const [files, volumes] = [
      mounts.filter((mount) => mount.startsWith('.')),
      mounts.filter((mount) => !mount.startsWith('.')),
    ];
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(volumes.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  });

  test('uses exactly the variables that .env.example explains, with the same defaults', () => {
    expect([...new Set(variablesUsed.map(({ name }) => name))].toSorted()).toEqual(
      [...exampleEnvironment.keys()].toSorted(),
    );
    expect(
      variablesUsed.filter(
        ({ name, fallback }) => fallback !== null && fallback !== exampleEnvironment.get(name),
      ),
    ).toEqual([]);
  });

  test('has no default for a secret, and asks for each that .env.example leaves empty', () => {
    const withDefault = variablesUsed.filter(({ name, fallback }) => isSecret(name) && fallback);
    expect(withDefault).toEqual([]);
    expect([...secrets.keys()].filter((name) => exampleEnvironment.get(name) !== '')).toEqual([]);
    expect([...exampleEnvironment.keys()].filter(isSecret).toSorted()).toEqual(
      [...secrets.keys(), 'HF_TOKEN'].toSorted(),
    );
  });

  test('gets random secrets from deploy/make-env.sh, which never replaces a file', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'deploy'));
    for (const file of ['.env.example', 'docker-compose.yml', 'deploy/make-env.sh'])
      await copyFile(join(root, file), join(folder.path, file));
    const make = () =>
      spawnSync('sh', ['deploy/make-env.sh'], { cwd: folder.path, encoding: 'utf8' });
    const madeFile = () => readFile(join(folder.path, '.env'), 'utf8');
    expect(make().status).toBe(0);
    const first = await madeFile();
    const made = new Map(first.split('\n').map((line) => [line.split('=')[0], line]));
    expect((await stat(join(folder.path, '.env'))).mode & 0o777).toBe(0o600);
    const values = [...secrets.keys()].map((name) => made.get(name)?.slice(name.length + 1) ?? '');
    expect(new Set(values).size).toBe(secrets.size);
    expect(values.map(weaknessOf)).toEqual(values.map(() => null));
    for (const [name, value] of exampleEnvironment)
      expect(made.get(name)).toMatch(secrets.has(name) ? /=[0-9a-f]{64}$/ : `${name}=${value}`);
    const { status, stderr } = make();
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('stays') });
    expect(await madeFile()).toBe(first);
  });

  test('starts a service once the services that it needs are healthy', () => {
    expect(
      services
        .flatMap(([, { depends_on: needs }]) => Object.keys(needs))
        .filter((name) => !isChecked(name)),
    ).toEqual([]);
    expect(Object.keys(service('gateway').depends_on)).toEqual(['kafka', 'qdrant']);
    expect(
      [...runners, 'generator'].filter((name) => !('gateway' in service(name).depends_on)),
    ).toEqual([]);
    expect(
      services.filter(([name]) => name !== 'generator').filter(([name]) => !isChecked(name)),
    ).toEqual([]);
  });

  test('gives every container of this project only what it needs', () => {
    for (const [name, { read_only: fixed, cap_drop: dropped, tmpfs }] of own) {
      expect({ name, fixed, dropped, tmpfs }).toEqual({
        name,
        fixed: true,
        dropped: ['ALL'],
        tmpfs: name === 'gateway' ? ['/tmp'] : ['/tmp', '/data:uid=1000,gid=1000,mode=0700'],
      });
    }
    expect(
      services.filter(
        ([, { deploy }]) =>
          !(Number(deploy.resources.limits.cpus) > 0) ||
          !/^\d+[mg]$/.test(deploy.resources.limits.memory),
      ),
    ).toEqual([]);
  });

  test('adds optional services by profiles', () => {
    expect(
      Object.fromEntries(
        services.flatMap(([name, { profiles }]) =>
          profiles === undefined ? [] : [[name, profiles]],
        ),
      ),
    ).toEqual({
      'node-runner-gpu': ['gpu'],
      'browser-runner': ['browser-runner'],
      'browser-runner-gpu': ['browser-runner-gpu'],
      generator: ['generator'],
      alertmanager: ['alerting'],
    });
    for (const name of ['node-runner-gpu', 'browser-runner-gpu']) {
      expect(service(name).environment['NVIDIA_DRIVER_CAPABILITIES']).toBe(
        'graphics,compute,utility',
      );
      expect(service(name).deploy.resources.reservations?.devices).toEqual([
        { driver: 'nvidia', count: 1, capabilities: ['gpu'] },
      ]);
      for (const library of ['libvulkan1', 'libegl1', 'libxext6'])
        expect(lastOf(name, 'RUN')).toContain(library);
    }
  });

  const missing = composeMissing();
  test.skipIf(missing !== null)(
    `passes docker compose config${missing === null ? '' : `: skipped, ${missing}`}`,
    () => {
      const printed = execFileSync(
        'docker',
        ['compose', '--env-file', '.env.example', '--profile', '*', 'config', '--services'],
        { cwd: root, encoding: 'utf8', env: { ...process.env, ...Object.fromEntries(secrets) } },
      );
      expect(printed.trim().split('\n').toSorted()).toEqual(
        Object.keys(compose.services).toSorted(),
      );
    },
  );
});
