// Checks the Kubernetes manifests against the code: the images, variables, ports, paths and names
// that they use exist.

import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { settings } from '../../gateway/config/all-sections.ts';
import { read } from './compose-file.ts';
import { copiedInto, environmentOf, lastOf, targets } from './dockerfile.ts';
import { runnerVariables } from './runner-variables.ts';

const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string(), port: z.int() }).optional(),
  exec: z.strictObject({ command: z.array(z.string()) }).optional(),
  periodSeconds: z.int(),
  timeoutSeconds: z.int().optional(),
  failureThreshold: z.int().optional(),
});
const container = z.strictObject({
  name: z.string(),
  image: z.string(),
  ports: z.array(z.strictObject({ containerPort: z.int() })).default([]),
  env: z.array(
    z.strictObject({
      name: z.string(),
      value: z.string().optional(),
      valueFrom: z
        .object({ secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }) })
        .optional(),
    }),
  ),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe,
  resources: z.object({ limits: z.object({ memory: z.string() }) }),
  securityContext: z.strictObject({
    readOnlyRootFilesystem: z.literal(true),
    allowPrivilegeEscalation: z.literal(false),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
});
const pod = z.strictObject({
  automountServiceAccountToken: z.literal(false),
  securityContext: z.strictObject({
    runAsNonRoot: z.literal(true),
    runAsUser: z.literal(1000),
    fsGroup: z.literal(1000),
    seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
  }),
  containers: z.tuple([container]),
  volumes: z.array(z.strictObject({ name: z.string(), emptyDir: z.strictObject({}) })),
});
const labels = z.strictObject({ app: z.string() });
const metadata = z.strictObject({ name: z.string() });
const workload = {
  replicas: z.int(),
  selector: z.strictObject({ matchLabels: labels }),
  template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod }),
};
const document = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Service'),
    metadata,
    spec: z.strictObject({
      clusterIP: z.literal('None').optional(),
      publishNotReadyAddresses: z.literal(true).optional(),
      selector: labels,
      ports: z.tuple([
        z.strictObject({ name: z.string(), port: z.int(), targetPort: z.int().optional() }),
      ]),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('policy/v1'),
    kind: z.literal('PodDisruptionBudget'),
    metadata,
    spec: z.strictObject({
      maxUnavailable: z.literal(1),
      selector: z.strictObject({ matchLabels: labels }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject(workload),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('StatefulSet'),
    metadata,
    spec: z.strictObject({
      ...workload,
      serviceName: z.string(),
      podManagementPolicy: z.literal('Parallel'),
      volumeClaimTemplates: z.tuple([
        z.strictObject({
          metadata,
          spec: z.strictObject({
            accessModes: z.tuple([z.literal('ReadWriteOnce')]),
            resources: z.object({ requests: z.strictObject({ storage: z.string() }) }),
          }),
        }),
      ]),
    }),
  }),
]);

const documents = parseAllDocuments(read('deploy/kubernetes/vectorstream.yaml')).map((parsed) =>
  document.parse(parsed.toJS()),
);
const services = documents.filter((one) => one.kind === 'Service');
const workloads = documents
  .filter((one) => one.kind === 'Deployment' || one.kind === 'StatefulSet')
  .map(({ spec }) => ({
    app: spec.selector.matchLabels.app,
    labels: spec.template.metadata.labels,
    volumes: [
      ...('volumeClaimTemplates' in spec
        ? spec.volumeClaimTemplates.map((claim) => claim.metadata.name)
        : []),
      ...spec.template.spec.volumes.map(({ name }) => name),
    ],
    ...spec.template.spec.containers[0],
  }));
const targetOf = (image: string) =>
  targets.find((target) => image === `vectorstream/${target}`) ?? 'gateway';

describe('the Kubernetes manifests', () => {
  test('run images that the Dockerfile builds, on their ports, with their folders writable', () => {
    for (const { image, ports, volumeMounts, volumes } of workloads) {
      expect(targets.map((target) => `vectorstream/${target}`)).toContain(image);
      expect(ports.map(({ containerPort }) => String(containerPort))).toEqual(
        lastOf(targetOf(image), 'EXPOSE')?.split(' ') ?? [],
      );
      expect(volumeMounts.map(({ mountPath }) => mountPath)).toEqual([
        environmentOf(targetOf(image)).get('VECTORSTREAM_DATA_DIR'),
        '/tmp',
      ]);
      expect(volumeMounts.map(({ name }) => name)).toEqual(volumes);
    }
  });

  test('set only variables that the program knows, and no secret by value', () => {
    const known: Record<string, readonly string[]> = {
      gateway: settings.map(({ variable }) => variable),
      ...runnerVariables,
    };
    const set = workloads.flatMap(({ image, env }) =>
      env.map((variable) => ({ target: targetOf(image), ...variable })),
    );
    expect(set.filter(({ target, name }) => known[target]?.includes(name) !== true)).toEqual([]);
    expect(set.filter(({ name, value }) => /KEY|TOKEN/.test(name) && value !== undefined)).toEqual(
      [],
    );
    const keys = new Set(set.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.key ?? []));
    expect(
      [...keys].filter(
        (key) => !read('deploy/kubernetes/vectorstream.yaml').includes(`--from-literal=${key}=`),
      ),
    ).toEqual([]);
  });

  test('start one trusted runner, with a token of its own', () => {
    const keys = workloads
      .filter(({ image }) => image === 'vectorstream/node-runner')
      .map(({ env }) => env.find(({ name }) => name === 'VECTORSTREAM_RUNNER_TOKEN'))
      .map((variable) => variable?.valueFrom?.secretKeyRef.key);
    expect(keys).toEqual(['runner-token', 'trusted-runner-token']);
  });

  test('keep what a gateway writes on a volume of its own', () => {
    const [gateways] = documents.filter((one) => one.kind === 'StatefulSet');
    expect(gateways?.spec.serviceName).toBe(services[0]?.metadata.name);
    expect(gateways?.spec.volumeClaimTemplates[0].metadata.name).toBe('data');
  });

  test('send runners and searches to every gateway, and events only to ready ones', () => {
    const gateway = workloads.find(({ image }) => image === 'vectorstream/gateway');
    const url = new URL(
      workloads
        .find(({ image }) => image === 'vectorstream/node-runner')
        ?.env.find(({ name }) => name === 'VECTORSTREAM_GATEWAY_URL')?.value ?? '',
    );
    const [forRunners, forEvents, forSearches] = services;
    expect(forRunners).toMatchObject({
      metadata: { name: url.hostname },
      spec: {
        clusterIP: 'None',
        publishNotReadyAddresses: true,
        ports: [{ port: Number(url.port) }],
      },
    });
    expect(forEvents?.spec).not.toHaveProperty('publishNotReadyAddresses');
    expect(forSearches?.spec).toHaveProperty('publishNotReadyAddresses', true);
    // Without runners or a store, a gateway stays ready: it goes on taking events.
    expect(gateway?.readinessProbe.httpGet?.path).toBe('/readyz?for=intake');
    for (const { spec } of services) expect(spec.selector).toEqual(gateway?.labels);
  });

  test('probe each program by the health check that it has', () => {
    for (const { image, startupProbe, livenessProbe, readinessProbe } of workloads) {
      const probes = [startupProbe, livenessProbe, readinessProbe].filter(
        (one) => one !== undefined,
      );
      expect(
        probes
          .flatMap(({ httpGet }) => httpGet?.path ?? [])
          .filter((path) => !['/livez', '/readyz?for=intake'].includes(path)),
      ).toEqual([]);
      expect(
        probes
          .flatMap(({ exec }) => exec?.command.slice(1) ?? [])
          .filter((file) => !copiedInto(targetOf(image)).includes(file)),
      ).toEqual([]);
    }
  });
});
