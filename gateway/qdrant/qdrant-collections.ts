// Sees to it that the collections are there with their indexes, and were made for this gateway's
// vectors.

import type { QdrantClient, Schemas } from '@qdrant/js-client-rest';
import { DependencyError, IndexMismatchError } from '#core/errors/errors.ts';
import type { IndexIdentity } from '#core/ports.ts';
import { type Ask, codes } from './qdrant-connection.ts';

export type QdrantCollections = {
  /** A collection's name or alias. */
  readonly texts: string;
  readonly events: string;
  /** Of runners whose work is not all vouched for. */
  readonly sessions: string;
};

/** Of collections that are made here; those that exist stay as they are. */
export type QdrantStorage = {
  /** Vectors are read from disk through the page cache instead of being held in memory. */
  readonly vectorsOnDisk: boolean;
  /**
   * Searches a smaller copy of the vectors first, and ranks what it finds by the vectors
   * themselves.
   */
  readonly quantisation: 'none' | 'scalar' | 'binary';
  readonly shards: number;
  readonly replicas: number;
};

type IndexType = 'keyword' | 'float' | 'datetime';

const textIndexes: Readonly<Record<string, IndexType>> = {
  kind: 'keyword',
  runner_session: 'keyword',
  embedded_at: 'datetime',
  unreferenced_since: 'datetime',
};
const eventIndexes: Readonly<Record<string, IndexType>> = {
  event_type: 'keyword',
  text_id: 'keyword',
  user_id: 'keyword',
  session_id: 'keyword',
  'product.category': 'keyword',
  'product.id': 'keyword',
  'product.price': 'float',
  timestamp: 'datetime',
  ingested_at: 'datetime',
};

/** The first with `update_filter`, which guards the newer version of an event, and `metadata`. */
const versionMin = [1, 16] as const;

/**
 * Any number of gateways may do this at once. Throws `IndexMismatchError` when a collection holds
 * something else, and `DependencyError` when Qdrant cannot be asked or is too old.
 */
export async function prepareCollections(
  ask: Ask,
  names: QdrantCollections,
  identity: IndexIdentity,
  storage: QdrantStorage,
): Promise<void> {
  await checkVersion(ask);
  const placed = { shard_number: storage.shards, replication_factor: storage.replicas };
  const metadata = metadataOf(identity);
  await prepare(ask, names.texts, textIndexes, identity, {
    ...placed,
    metadata,
    vectors: {
      size: identity.dimensions,
      distance: 'Cosine',
      ...(storage.vectorsOnDisk ? { on_disk: true } : {}),
    },
    ...quantised(storage.quantisation),
  });
  await prepare(ask, names.events, eventIndexes, identity, { ...placed, metadata, vectors: {} });
  await prepare(ask, names.sessions, {}, identity, { ...placed, metadata, vectors: {} });
}

async function checkVersion(ask: Ask): Promise<void> {
  const { version, major, minor } = await ask('say its version', async (client) => {
    const info: Partial<Schemas['VersionInfo']> = await client.versionInfo();
    const numbers = /^(\d+)\.(\d+)/.exec(info.version ?? '');
    if (numbers === null) throw new TypeError('is it another program?');
    return { version: info.version, major: Number(numbers[1]), minor: Number(numbers[2]) };
  });
  if (major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1])) return;
  throw new DependencyError(
    'qdrant',
    codes.failed,
    `Qdrant is of version ${version}, which cannot keep newer events from older ones: update it to ${versionMin.join('.')} or later.`,
    { retryable: true },
  );
}

async function prepare(
  ask: Ask,
  name: string,
  indexes: Readonly<Record<string, IndexType>>,
  identity: IndexIdentity,
  wanted: Schemas['CreateCollection'],
): Promise<void> {
  const read = async (
    client: QdrantClient,
  ): Promise<{ readonly found: Identity; readonly indexed: ReadonlyMap<string, string> }> => {
    const { config, payload_schema } = await client.getCollection(name);
    return {
      found: describeFound(config),
      indexed: new Map(
        Object.entries(payload_schema).map(([field, index]) => [field, index?.data_type ?? '']),
      ),
    };
  };
  const existing = await unless(codes.missing, ask(`read collection ${name}`, read));
  // Another gateway may make it at the same time.
  if (existing === null)
    await unless(
      codes.exists,
      ask(`create collection ${name}`, (client) => client.createCollection(name, wanted)),
    );
  const { found, indexed } = existing ?? (await ask(`read collection ${name}`, read));
  check(name, found, describe(identity, wanted.vectors));
  for (const [field, type] of Object.entries(indexes)) {
    if (indexed.get(field) === type) continue;
    await ask(`index ${field} of collection ${name}`, (client) =>
      client.createPayloadIndex(name, { field_name: field, field_schema: type, wait: true }),
    );
  }
}

async function unless<T>(code: string, answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DependencyError && error.code === code) return null;
    throw error;
  }
}

function quantised(
  kind: QdrantStorage['quantisation'],
): Pick<Schemas['CreateCollection'], 'quantization_config'> {
  if (kind === 'none') return {};
  return {
    quantization_config:
      kind === 'scalar'
        ? { scalar: { type: 'int8', quantile: 0.99, always_ram: true } }
        : { binary: { always_ram: true } },
  };
}

const metadataKeys = ['model_id', 'model_revision', 'template_hash', 'normalisation'] as const;

function metadataOf({
  modelId,
  modelRevision,
  templateHash,
  dimensions,
}: IndexIdentity): Record<string, unknown> {
  return {
    model_id: modelId,
    model_revision: modelRevision,
    template_hash: templateHash,
    normalisation: 'unit length',
    dimensions,
  };
}

/** Every property that must agree, by the name under which a mismatch is told. */
type Identity = Readonly<Record<string, string>>;

function describe(identity: IndexIdentity, vectors: unknown): Identity {
  return { vectors: describeVectors(vectors), ...ofMetadata(metadataOf(identity)) };
}

function describeFound({ params, metadata }: Schemas['CollectionConfig']): Identity {
  return { vectors: describeVectors(params.vectors), ...ofMetadata(metadata) };
}

function ofMetadata(metadata: unknown): Identity {
  const values = new Map(
    typeof metadata === 'object' && metadata !== null ? Object.entries(metadata) : [],
  );
  return Object.fromEntries(
    metadataKeys.map((key) => [key, values.has(key) ? String(values.get(key)) : 'not said']),
  );
}

function describeVectors(vectors: unknown): string {
  if (typeof vectors !== 'object' || vectors === null || Object.keys(vectors).length === 0)
    return 'none';
  if (!('size' in vectors && 'distance' in vectors)) return 'named';
  return `${String(vectors.size)} dimensions, ${String(vectors.distance)}`;
}

function check(collection: string, found: Identity, wanted: Identity): void {
  const differing = Object.keys(wanted).filter((key) => found[key] !== wanted[key]);
  if (differing.length === 0) return;
  const list = differing
    .map((key) => `${key}: ${found[key]} there, ${wanted[key]} here`)
    .join('; ');
  throw new IndexMismatchError(
    `Qdrant's collection ${collection} was made for another index (${list}), and vectors of both cannot be compared. ` +
      'Set QDRANT_COLLECTION and QDRANT_EVENTS_COLLECTION to new names and read the events again from the start; ' +
      'where others search through aliases, switch these to the new collections once they are filled.',
  );
}
