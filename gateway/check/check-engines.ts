// Checks the engines and the model that the settings name: broker, topic, store, model files.

import { pino } from 'pino';
import { openKafkaClient, withAdmin } from '../../kafka/kafka-client.ts';
import { storeKind, type Config } from '../config/config.ts';
import { basicLogin } from '../decode/basic-login.ts';
import { findModel } from '../fleet/find-model.ts';
import { openGatewayModel } from '../fleet/open-model.ts';
import { kafkaConnectionOf } from '../kafka/open-kafka.ts';
import { finding, notOk, ok, type Finding } from './finding.ts';

const silent = pino({ level: 'silent' });

/** The broker, and its topics; `topics`: their names by what they are for. */
export async function checkKafka(
  config: Config['kafka'],
  topics: Readonly<Record<string, string>>,
): Promise<readonly Finding[]> {
  const brokers = config.brokers?.join(', ') ?? '';
  const client = openKafkaClient(kafkaConnectionOf(config, silent));
  let partitions: ReadonlyMap<string, number> = new Map();
  const broker = await finding('broker', () =>
    withAdmin(client, async (admin) => {
      const brokerCount = await admin.countBrokers();
      const existing = await admin.listTopics();
      const found = Object.values(topics).filter((topic) => existing.includes(topic));
      partitions = await admin.countPartitions(found);
      return ok('broker', `${brokerCount} at ${brokers}`);
    }).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      return notOk('broker', `${brokers}: ${why}; start it, or correct the KAFKA_ variables`);
    }),
  );
  if (!broker.isOk) return [broker];
  const findings = Object.entries(topics).map(([what, topic]) => {
    const count = partitions.get(topic);
    if (count !== undefined) return ok(what, `${topic}, ${count} partitions`);
    return config.createTopics
      ? ok(what, `${topic} does not exist yet; the first start creates it`)
      : notOk(what, `${topic} does not exist: create it, or set kafka.createTopics`);
  });
  return [broker, ...findings];
}

/** @param heard is told the clock of the store's machine, in UTC ms */
export async function checkStore(config: Config, heard: (now: number) => void): Promise<Finding> {
  const { url, apiKey, timeoutMs } = config.qdrant;
  if (storeKind(config) === 'embedded' || url === null)
    return ok('store', 'embedded, in the data folder');
  try {
    const answer = await fetch(`${url.replace(/\/+$/, '')}/collections`, {
      headers: apiKey === null ? {} : { 'api-key': apiKey },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const date = Date.parse(answer.headers.get('date') ?? '');
    if (!Number.isNaN(date)) heard(date);
    if (answer.status === 401 || answer.status === 403)
      return notOk('store', `Qdrant at ${url} refuses the key: correct QDRANT_API_KEY`);
    return answer.ok
      ? ok('store', `Qdrant at ${url}`)
      : notOk('store', `${url} answered ${answer.status}: is that Qdrant? Correct QDRANT_URL`);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    return notOk('store', `Qdrant at ${url}: ${why}; start it, or correct QDRANT_URL`);
  }
}

/** Asks for the types of schemas, which every login may read. */
export async function checkSchemaRegistry({
  url,
  username,
  password,
  timeoutMs,
}: Config['schemaRegistry']): Promise<Finding> {
  const what = 'registry';
  if (url === null) return ok(what, 'none');
  try {
    const answer = await fetch(`${url.replace(/\/+$/, '')}/schemas/types`, {
      headers: username === null ? {} : { authorization: basicLogin(username, password) },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.status === 401 || answer.status === 403)
      return notOk(
        what,
        `${url} refuses the login: correct SCHEMA_REGISTRY_USERNAME and _PASSWORD`,
      );
    const types: unknown = answer.ok ? await answer.json().catch(() => null) : null;
    return Array.isArray(types)
      ? ok(what, `${url} has schemas of ${types.join(', ')}`)
      : notOk(what, `${url} is no Schema Registry (${answer.status}): correct SCHEMA_REGISTRY_URL`);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    return notOk(what, `${url}: ${why}; start it, or correct SCHEMA_REGISTRY_URL`);
  }
}

/** Downloads a model of Hugging Face, as a start would. */
export async function checkModel(
  config: Config,
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<Finding> {
  const { folder } = await findModel(config, dataDir, environment);
  const { manifest } = await openGatewayModel(folder);
  const { modelId, dimensions, dtypes } = manifest;
  return ok('model', `${modelId}, ${dimensions} dimensions, ${Object.keys(dtypes).join(', ')}`);
}
