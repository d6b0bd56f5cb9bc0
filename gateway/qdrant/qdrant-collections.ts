// Ensures that the collections exist with their indexes, and that they were created for this
// gateway's vectors.

import type { QdrantClient, Schemas } from '@qdrant/js-client-rest';
import { DependencyError, IndexMismatchError } from '#core/errors/errors.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { IndexIdentity } from '#core/ports.ts';
import { codes, type Qdrant } from './qdrant-connection.ts';

export type QdrantCollections = {
  /** A collection's name or alias. */
  readonly texts: string;
  readonly events: string;
  /** The features of product texts, by which they are searched by words: sparse vectors. */
  readonly words: string;
  /** Sessions of runners whose work is not yet verified in full. */
  readonly sessions: string;
  /** Tombstones and erasures of persons. */
  readonly erasures: string;
  /** Which runners may not join. */
  readonly blocks: string;
  /** The catalogue; without vectors. */
  readonly products: string;
};

/** The name of the sparse vector, and the field of its point with the brands of a text. */
export const wordsVector = 'words';
export const brandsKey = 'brands';
export const wordsProductKey = 'product_id';

/**
 * The field of a product that says what became of its text. Each index has its own, because several
 * indexes, such as those of two models, may share a catalogue. A new version of a product has
 * none.
 */
export const settledKey = (texts: string): string => `settled_${uuidV5(texts).slice(0, 8)}`;

/** How new collections are created; existing ones stay as they are. */
export type QdrantStorage = {
  /** Vectors are read from disk through the page cache instead of being held in memory. */
  readonly vectorsOnDisk: boolean;
  /** A search reads a smaller copy of the vectors first, and ranks its finds by the full ones. */
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
const productIndexes: Readonly<Record<string, IndexType>> = {
  state: 'keyword',
  text_id: 'keyword',
  'product.category': 'keyword',
  'product.price': 'float',
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
const erasureIndexes: Readonly<Record<string, IndexType>> = {
  type: 'keyword',
  at: 'datetime',
  is_open: 'keyword',
  of: 'keyword',
};

/**
 * The first version with `metadata`, and with `update_filter`, which protects the newer version of
 * an event.
 */
const versionMin = [1, 16] as const;

/**
 * Any number of gateways may do this at once.
 *
 * @throws IndexMismatchError when a collection was created for another index
 * @throws DependencyError when Qdrant does not answer or is too old
 */
export async function prepareCollections(
  qdrant: Qdrant,
  names: QdrantCollections,
  identity: IndexIdentity,
  storage: QdrantStorage,
): Promise<void> {
  await checkVersion(qdrant);
  const placed = { shard_number: storage.shards, replication_factor: storage.replicas };
  const metadata = metadataOf(identity);
  await prepare(qdrant, names.texts, textIndexes, identity, {
    ...placed,
    metadata,
    vectors: {
      size: identity.dimensions,
      distance: 'Cosine',
      ...(storage.vectorsOnDisk ? { on_disk: true } : {}),
    },
    ...quantised(storage.quantisation),
  });
  await prepare(qdrant, names.events, eventIndexes, identity, { ...placed, metadata, vectors: {} });
  const indexes = { ...productIndexes, [settledKey(names.texts)]: 'keyword' } as const;
  await prepare(qdrant, names.products, indexes, null, { ...placed, vectors: {} });
  await prepare(qdrant, names.words, { [brandsKey]: 'keyword' }, identity, {
    ...placed,
    metadata,
    vectors: {},
    sparse_vectors: { [wordsVector]: { modifier: 'idf' } },
  });
  await prepare(qdrant, names.sessions, {}, identity, { ...placed, metadata, vectors: {} });
  await prepare(qdrant, names.erasures, erasureIndexes, identity, {
    ...placed,
    metadata,
    vectors: {},
  });
  const blocks = { at: 'datetime' } as const;
  await prepare(qdrant, names.blocks, blocks, identity, { ...placed, metadata, vectors: {} });
}

async function checkVersion(qdrant: Qdrant): Promise<void> {
  const { version, major, minor } = await qdrant.read('report its version', async (client) => {
    const info: Partial<Schemas['VersionInfo']> = await client.versionInfo();
    const numbers = /^(\d+)\.(\d+)/.exec(info.version ?? '');
    if (numbers === null) throw new TypeError('is this another program?');
    return { version: info.version, major: Number(numbers[1]), minor: Number(numbers[2]) };
  });
  if (major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1])) return;
  throw new DependencyError(
    'qdrant',
    codes.failed,
    `Qdrant has version ${version}, which cannot protect newer events from older ones: ` +
      `update it to ${versionMin.join('.')} or later.`,
    { retryable: true },
  );
}

/** @param identity `null` for a collection that indexes share */
async function prepare(
  qdrant: Qdrant,
  name: string,
  indexes: Readonly<Record<string, IndexType>>,
  identity: IndexIdentity | null,
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
  const existing = await unless(codes.missing, qdrant.read(`read collection ${name}`, read));
  // Another gateway may create it at the same time.
  if (existing === null)
    await unless(
      codes.exists,
      qdrant.write(`create collection ${name}`, (client) => client.createCollection(name, wanted)),
    );
  const { found, indexed } = existing ?? (await qdrant.read(`read collection ${name}`, read));
  if (identity !== null) check(name, found, expected(identity, found, wanted.vectors));
  for (const [field, type] of Object.entries(indexes)) {
    if (indexed.get(field) === type) continue;
    await qdrant.write(`index ${field} of collection ${name}`, (client) =>
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

/** Every property that must agree, by the name under which a mismatch is reported. */
type Identity = Readonly<Record<string, string>>;

function describe(identity: IndexIdentity, vectors: unknown): Identity {
  return { vectors: describeVectors(vectors), ...ofMetadata(metadataOf(identity)) };
}

/**
 * The expected identity. It has the revision that was found if its vectors may be compared with
 * those of `identity`.
 */
function expected(
  identity: IndexIdentity,
  { model_revision }: Identity,
  vectors: unknown,
): Identity {
  const isCompatible = identity.compatibleRevisions?.includes(model_revision ?? '') === true;
  return describe(
    isCompatible ? { ...identity, modelRevision: model_revision ?? '' } : identity,
    vectors,
  );
}

function describeFound({ params, metadata }: Schemas['CollectionConfig']): Identity {
  return { vectors: describeVectors(params.vectors), ...ofMetadata(metadata) };
}

function ofMetadata(metadata: unknown): Identity {
  const values = new Map(
    typeof metadata === 'object' && metadata !== null ? Object.entries(metadata) : [],
  );
  return Object.fromEntries(
    metadataKeys.map((key) => [key, values.has(key) ? String(values.get(key)) : 'missing']),
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
    `Qdrant's collection ${collection} was created for another index (${list}), ` +
      'and vectors of different indexes cannot be compared. ' +
      'Set QDRANT_COLLECTION and QDRANT_EVENTS_COLLECTION to new names ' +
      'and read the events again from the start. Where other programs search through aliases, ' +
      'point these to the new collections once they are filled.',
  );
}
