// The events of one run, determined by the seed, and what must become of each. Shares no code with
// the pipeline.

import { createHash } from 'node:crypto';
import { seeded } from '../../helpers/seeded.ts';

/**
 * The texts of all runs: few enough to compute their reference vectors once for all runs, many
 * enough that a run has new texts until its end.
 */
const things = [
  'lantern',
  'chair',
  'kettle',
  'scarf',
  'bicycle bell',
  'desk lamp',
  'garden hose',
  'notebook',
  'rucksack',
  'wall clock',
  'tea towel',
  'bread knife',
  'picture frame',
  'hammock',
];
const looks = [
  'red',
  'oak',
  'folding',
  'woollen',
  'brushed steel',
  'hand-painted',
  'waterproof',
  'silent',
  'striped',
  'glass',
  'second-hand',
  'tiny',
  'Danish',
  'pale blue',
  'solar',
  'quilted',
];
export const productNames: readonly string[] = things.flatMap((thing) =>
  looks.map((look) => `${look} ${thing}`),
);
/** These texts kill runners. */
const poisonNames: readonly string[] = ['poison ivy seeds', 'poison dart board'];
export const isPoison = (text: string): boolean => text.startsWith('poison');

export type Line = { readonly bytes: Buffer; readonly hash: string };

export type Produced = {
  /** What is sent, in this order. */
  readonly lines: readonly Line[];
  /**
   * By the id under which the event must be stored: hashes of the versions with the newest
   * timestamp. One of them must be stored.
   */
  readonly valid: ReadonlyMap<string, ReadonlySet<string>>;
  /** By hash: events that must become dead letters, with the reason. */
  readonly bad: ReadonlyMap<string, string>;
  /**
   * By hash: events whose text kills runners, each stored if a runner survived it, else a dead
   * letter with this reason.
   */
  readonly poison: ReadonlyMap<string, string>;
  /** By the same id: the text of the event. */
  readonly texts: ReadonlyMap<string, string>;
};

export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** RFC 9562 §5.5. */
function uuidV5(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
const isUuid = (id: string): boolean => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id);
const ownNamespace = uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'vectorstream');
/** A UUID stays; any other id becomes a UUID. */
const storedId = (id: string): string => (isUuid(id) ? id : uuidV5(ownNamespace, id));

export function produce(seed: number, count: number, poisonShare: number): Produced {
  const random = seeded(seed);
  const lines: Line[] = [];
  const newest = new Map<string, { at: number; hashes: Set<string> }>();
  const bad = new Map<string, string>();
  const poison = new Map<string, string>();
  const texts = new Map<string, string>();
  const names: string[] = [];
  const startsAt = Date.UTC(2026, 0, 1);

  const push = (text: string): string => {
    const bytes = Buffer.from(text);
    const hash = hashOf(bytes);
    lines.push({ bytes, hash });
    return hash;
  };
  const uuid = (index: number): string =>
    createHash('sha256')
      .update(`${seed}/${index}`)
      .digest('hex')
      .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
  const event = (id: string, name: string, at: number): string =>
    JSON.stringify({
      event_id: id,
      timestamp: new Date(at).toISOString(),
      user_id: `u${random.between(1, 20)}`,
      session_id: `s${random.between(1, 5)}`,
      event_type: 'view',
      product: { id: name, name, price: random.between(1, 500) },
      nonce: lines.length,
    });

  for (let index = 0; index < count; index++) {
    const kind = random.next();
    if (kind < 0.03) {
      bad.set(push(`{"event_id": "${uuid(index)}", "cut`), 'not_json');
    } else if (kind < 0.06) {
      bad.set(
        push(event(uuid(index), random.pick(productNames), Date.UTC(1999, 0, 1))),
        'invalid_event',
      );
    } else if (kind < 0.06 + poisonShare) {
      poison.set(push(event(uuid(index), random.pick(poisonNames), startsAt)), 'embedding_failed');
    } else {
      // Every sixth is another version of an event before it, newer or older, with the same text.
      const earlier = kind > 0.84 && names.length > 0 ? random.pick(names) : null;
      // Every third has an id of its shop, which is not a UUID.
      const called = earlier ?? (index % 3 === 0 ? `order ${seed}/${index}` : uuid(index));
      if (earlier === null) names.push(called);
      const id = storedId(called);
      const name = texts.get(id) ?? random.pick(productNames);
      const at = startsAt + 1000 * random.between(0, 1_000);
      texts.set(id, name);
      const hash = push(event(called, name, at));
      const known = newest.get(id);
      if (known === undefined || at > known.at) newest.set(id, { at, hashes: new Set([hash]) });
      else if (at === known.at) known.hashes.add(hash);
    }
  }
  return {
    lines,
    bad,
    poison,
    texts,
    valid: new Map([...newest].map(([id, { hashes }]) => [id, hashes])),
  };
}
