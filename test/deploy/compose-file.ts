// Reads docker-compose.yml: anchors merged, variables replaced from .env.example, secrets made up.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export const root = join(import.meta.dirname, '../..');
export const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const limits = z.strictObject({ cpus: z.string(), memory: z.string() });
const device = z.strictObject({
  driver: z.literal('nvidia'),
  count: z.int(),
  capabilities: z.array(z.string()),
});
/** Strict: a misspelt key is an error, as for docker compose. */
const serviceSchema = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal('.'), target: z.string() }).optional(),
  hostname: z.string().optional(),
  profiles: z.array(z.string()).optional(),
  restart: z.enum(['unless-stopped', 'no']),
  logging: z.strictObject({
    driver: z.literal('json-file'),
    options: z.strictObject({ 'max-size': z.string(), 'max-file': z.string() }),
  }),
  init: z.literal(true).optional(),
  read_only: z.literal(true).optional(),
  cap_drop: z.tuple([z.literal('ALL')]).optional(),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  tmpfs: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  environment: z
    .record(z.string(), z.union([z.string(), z.number()]).transform(String))
    .default({}),
  secrets: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.literal('service_healthy') }))
    .default({}),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()).min(2),
      interval: z.string(),
      timeout: z.string(),
      retries: z.int(),
      start_period: z.string(),
    })
    .optional(),
  deploy: z.strictObject({
    resources: z.strictObject({
      limits,
      reservations: z.strictObject({ devices: z.array(device) }).optional(),
    }),
  }),
});

const composeSchema = z.looseObject({
  name: z.string(),
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.strictObject({ environment: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

export type Service = z.infer<typeof serviceSchema>;

export const exampleEnvironment: ReadonlyMap<string, string> = new Map(
  read('.env.example')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
);

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`. */
const variable = /\$\{([A-Z0-9_]+)(?::([-?])([^}]*))?\}/g;

const text = read('docker-compose.yml');

export const variablesUsed: readonly { readonly name: string; readonly fallback: string | null }[] =
  [...text.matchAll(variable)].map(([, name = '', kind, value = '']) => ({
    name,
    fallback: kind === '-' ? value : null,
  }));

/** The secrets that compose asks for, as `deploy/make-env.sh` makes them. */
export const secrets: ReadonlyMap<string, string> = new Map(
  [...text.matchAll(variable)]
    .filter(([, , kind]) => kind === '?')
    .map(([, name = '']) => [name, createHash('sha256').update(name).digest('hex')]),
);

export const compose = composeSchema.parse(
  parse(
    text.replace(
      variable,
      (_, name: string) => secrets.get(name) ?? exampleEnvironment.get(name) ?? '',
    ),
    { merge: true },
  ),
);
export const services: readonly (readonly [string, Service])[] = Object.entries(compose.services);
export const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};
