// Routes requests to the double's collections and aliases by method and path.

import { fieldsOf, type Json, listOf, stringOf } from './body.ts';
import { Collection } from './collection.ts';
import { noCollection, Refusal, wrongInput } from './qdrant-errors.ts';

export type Answer = { readonly status: number; readonly body: Json };

export const version = '1.18.3';

export class Routes {
  readonly #collections = new Map<string, Collection>();
  readonly #aliases = new Map<string, string>();

  /** `body` is called only where the path has a body. */
  answer(method: string, url: URL, body: () => Json): Answer {
    const [, first, second, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const parts = [first, second === undefined ? undefined : '*', ...rest];
    const call = `${method} /${parts.filter((part) => part !== undefined).join('/')}`;
    const name = second ?? '';
    const collection = (): Collection => this.#find(name);
    const done = (operation: number): Answer =>
      ok({
        operation_id: operation,
        status: url.searchParams.get('wait') === 'true' ? 'completed' : 'acknowledged',
      });
    switch (call) {
      case 'GET /':
        return {
          status: 200,
          body: {
            title: 'qdrant - vector search engine',
            version,
            commit: 'db8fa43fcb6aedec1e739487e17a99731b74590a',
          },
        };
      case 'GET /readyz':
        return { status: 200, body: 'all shards are ready' };
      case 'GET /livez':
        return { status: 200, body: 'healthz check passed' };
      case 'GET /metrics':
        return { status: 200, body: this.#metrics() };
      case 'GET /aliases':
        return ok({
          aliases: [...this.#aliases].map(([alias, target]) => ({
            alias_name: alias,
            collection_name: target,
          })),
        });
      case 'POST /collections/*':
        return this.#changeAliases(name, body());
      case 'GET /collections/*':
        return ok(collection().info());
      case 'PUT /collections/*':
        return this.#create(name, body());
      case 'DELETE /collections/*':
        return ok(this.#delete(name));
      case 'GET /collections/*/exists':
        return ok({ exists: this.#collections.has(this.#aliases.get(name) ?? name) });
      case 'PUT /collections/*/index':
        return done(collection().index(body()));
      case 'PUT /collections/*/points':
        return done(collection().upsert(body()));
      case 'POST /collections/*/points':
        return ok(collection().retrieve(body()));
      case 'POST /collections/*/points/payload':
        return done(collection().setPayload(body()));
      case 'POST /collections/*/points/delete':
        return done(collection().delete(body()));
      case 'POST /collections/*/points/count':
        return ok(collection().count(body()));
      case 'POST /collections/*/points/scroll':
        return ok(collection().scroll(body()));
      case 'POST /collections/*/points/query':
        return ok(collection().query(body()));
      case 'POST /collections/*/points/query/groups':
        return ok(collection().groups(body()));
      case 'POST /collections/*/points/query/batch':
        return ok(
          listOf(fieldsOf(body(), ['searches'], 'QueryRequestBatch')['searches'], 'searches').map(
            (search) => collection().query(search),
          ),
        );
      case 'POST /collections/*/facet':
        return ok(collection().facet(body()));
      default:
        throw new Refusal(404, '');
    }
  }

  #find(name: string): Collection {
    const found = this.#collections.get(this.#aliases.get(name) ?? name);
    if (found === undefined) throw noCollection(name);
    return found;
  }

  #create(name: string, body: Json): Answer {
    if (this.#collections.has(name))
      throw wrongInput(`Collection \`${name}\` already exists!`, 409);
    this.#collections.set(
      name,
      new Collection(
        fieldsOf(
          body,
          [
            'vectors',
            'sparse_vectors',
            'metadata',
            'quantization_config',
            'shard_number',
            'replication_factor',
          ],
          'CreateCollection',
        ),
      ),
    );
    return ok(true);
  }

  #delete(name: string): boolean {
    for (const [alias, target] of this.#aliases) if (target === name) this.#aliases.delete(alias);
    return this.#collections.delete(name);
  }

  #changeAliases(path: string, body: Json): Answer {
    if (path !== 'aliases') throw new Refusal(404, '');
    for (const action of listOf(
      fieldsOf(body, ['actions'], 'ChangeAliasesOperation')['actions'],
      'actions',
    )) {
      const { create_alias, delete_alias } = fieldsOf(
        action,
        ['create_alias', 'delete_alias'],
        'AliasOperations',
      );
      if (create_alias !== undefined) {
        const { collection_name, alias_name } = fieldsOf(
          create_alias,
          ['collection_name', 'alias_name'],
          'CreateAlias',
        );
        const target = stringOf(collection_name, 'collection_name');
        if (!this.#collections.has(target)) throw noCollection(target);
        this.#aliases.set(stringOf(alias_name, 'alias_name'), target);
      }
      if (delete_alias !== undefined)
        this.#aliases.delete(
          stringOf(
            fieldsOf(delete_alias, ['alias_name'], 'DeleteAlias')['alias_name'],
            'alias_name',
          ),
        );
    }
    return ok(true);
  }

  #metrics(): string {
    return [
      '# HELP app_info information about qdrant server',
      '# TYPE app_info gauge',
      `app_info{name="qdrant",version="${version}"} 1`,
      '# HELP app_status_recovery_mode features enabled in qdrant server',
      '# TYPE app_status_recovery_mode gauge',
      'app_status_recovery_mode 0',
      '# HELP collections_total number of collections',
      '# TYPE collections_total gauge',
      `collections_total ${this.#collections.size}`,
      '',
    ].join('\n');
  }
}

function ok(result: Json): Answer {
  return { status: 200, body: { result, status: 'ok', time: 0.001 } };
}
