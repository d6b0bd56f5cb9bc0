// The settings in the section `schemaRegistry`: where the schemas of records are.

import { httpUrl, integer, secret } from '../setting-types.ts';
import { minute } from '../units.ts';

export const schemaRegistrySection = {
  url: httpUrl({
    env: 'SCHEMA_REGISTRY_URL',
    flag: 'schema-registry-url',
    help:
      'Address of a Schema Registry that answers as that of Confluent does. Records in Avro and ' +
      'Protobuf need it. With https, the authorities of the system and of NODE_EXTRA_CA_CERTS ' +
      'are trusted.',
  }),
  username: secret({ env: 'SCHEMA_REGISTRY_USERNAME', help: 'User name for its login.' }),
  password: secret({ env: 'SCHEMA_REGISTRY_PASSWORD', help: 'Password for its login.' }),
  timeoutMs: integer({
    default: 5_000,
    min: 100,
    max: 10 * minute,
    flag: 'schema-registry-timeout-ms',
    help:
      'Time limit for an answer of the registry (milliseconds). ' +
      'After that the request is cancelled and retried.',
  }),
} as const;
