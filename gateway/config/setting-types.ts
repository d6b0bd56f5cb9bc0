// The kinds of settings: each has a default, a description of what is allowed, and the check that
// enforces it.

import { zoneOffset } from '#core/time/zone-offset.ts';
import { isBroker } from '../../kafka/kafka-settings.ts';
import { isTopicName } from './topic-rules.ts';

export type Key<T> = {
  readonly default: T;
  /** The text for `vectorstream.example.yaml` and `--help`. */
  readonly help: string;
  /** What is allowed, in words; errors quote it. */
  readonly allowed: string;
  /** Never shown, and has no flag: other users of the machine can read command lines. */
  readonly secret: boolean;
  /** The environment variable; `null` for `VECTORSTREAM_<SECTION>_<KEY>`. */
  readonly env: string | null;
  /** The flag without dashes; `null` for `<section>-<key>`. */
  readonly flag: string | null;
  /**
   * Whether `PUT /config/{section}` may change it while the gateway runs: its readers then read it
   * at every use.
   */
  readonly live: boolean;
  /** Checks a value. `raw` is a string if it comes from the environment or a flag. */
  check(raw: unknown): { readonly ok: true; readonly value: T } | { readonly ok: false };
};

type Common<T> = {
  readonly default: T;
  readonly help: string;
  readonly env?: string;
  readonly flag?: string;
  readonly live?: true;
};

const no = { ok: false } as const;

function numberFrom(raw: unknown): number {
  if (typeof raw === 'number') return raw;
  return typeof raw === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(raw.trim())
    ? Number(raw)
    : Number.NaN;
}

const named = (options: {
  readonly env?: string;
  readonly flag?: string;
  readonly live?: true;
}) => ({
  env: options.env ?? null,
  flag: options.flag ?? null,
  live: options.live ?? false,
  secret: false,
});

export function integer(
  options: Common<number> & { readonly min: number; readonly max: number },
): Key<number> {
  const { min, max } = options;
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: `a whole number from ${min} to ${max}`,
    check(raw) {
      const value = numberFrom(raw);
      return Number.isSafeInteger(value) && value >= min && value <= max ? { ok: true, value } : no;
    },
  };
}

/** A whole number, or `auto`, which leaves the choice to the program. */
export function integerOrAuto(
  options: Common<number | 'auto'> & { readonly min: number; readonly max: number },
): Key<number | 'auto'> {
  const whole = integer({ ...options, default: options.min });
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: `auto, or ${whole.allowed}`,
    check: (raw) => (raw === 'auto' ? { ok: true, value: 'auto' } : whole.check(raw)),
  };
}

export function oneOf<const V extends string>(
  values: readonly V[],
  options: Common<NoInfer<V>>,
): Key<V> {
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: `one of ${values.join(', ')}`,
    check(raw) {
      const value = values.find((candidate) => candidate === raw);
      return value === undefined ? no : { ok: true, value };
    },
  };
}

export function text(options: Common<string>): Key<string> {
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: 'a text of 1 to 4096 characters',
    check: (raw) =>
      typeof raw === 'string' && raw.length > 0 && raw.length <= 4096 && !raw.includes('\0')
        ? { ok: true, value: raw }
        : no,
  };
}

/** A path of URLs; `/` for none. */
export function urlPath(options: Common<string>): Key<string> {
  return {
    ...text(options),
    allowed: '/, or a path such as /vectors without a slash at its end',
    check: (raw) =>
      typeof raw === 'string' && /^\/$|^(\/[\w.~-]{1,100}){1,10}$/.test(raw)
        ? { ok: true, value: raw }
        : no,
  };
}

/** The path of a file; `null` when it is not set. */
export function path(options: Omit<Common<null>, 'default'>): Key<string | null> {
  const file = text({ ...options, default: '-' });
  return {
    ...named(options),
    default: null,
    help: options.help,
    allowed: 'the path of a file',
    check: (raw) => (raw === null ? { ok: true, value: null } : file.check(raw)),
  };
}

/**
 * Items separated by commas, or a list in the settings file; empty by default. `item` parses one,
 * and returns `null` for a text that is none.
 */
export function list<T>(
  options: Omit<Common<null>, 'default'> & {
    readonly allowed: string;
    readonly secret?: true;
    readonly item: (text: string) => T | null;
  },
): Key<readonly T[]> {
  return {
    ...named(options),
    default: [],
    help: options.help,
    allowed: `${options.allowed}, separated by commas`,
    secret: options.secret ?? false,
    check(raw) {
      const texts: unknown[] = Array.isArray(raw)
        ? raw
        : typeof raw === 'string'
          ? raw.split(',').map((part) => part.trim())
          : [];
      if (
        texts.length > listItemsMax ||
        (texts.length === 0 && raw !== null && !Array.isArray(raw))
      )
        return no;
      const items = texts.map((part) => (typeof part === 'string' ? options.item(part) : null));
      const value = items.filter((item) => item !== null);
      return value.length === items.length ? { ok: true, value } : no;
    },
  };
}

const listItemsMax = 1000;

/** A name that Kafka accepts for a topic, short enough to append a suffix such as `.dlq.state`. */
export function topicName<const D extends string | null>(options: Common<D>): Key<string | D> {
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: 'a topic of 1 to 230 characters from a-z A-Z 0-9 . _ -',
    check(raw) {
      if (raw === null && options.default === null) return { ok: true, value: options.default };
      return typeof raw === 'string' && isTopicName(raw) ? { ok: true, value: raw } : no;
    },
  };
}

/** `null` when it is not set. */
export function brokerList(options: Omit<Common<null>, 'default'>): Key<readonly string[] | null> {
  return {
    ...named(options),
    default: null,
    help: options.help,
    allowed: 'brokers as host:port, separated by commas',
    check(raw) {
      if (raw === null) return { ok: true, value: null };
      const brokers = typeof raw === 'string' ? raw.split(',').map((broker) => broker.trim()) : [];
      return brokers.length > 0 && brokers.every(isBroker) ? { ok: true, value: brokers } : no;
    },
  };
}

export function yesOrNo(options: Common<boolean>): Key<boolean> {
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: 'true or false',
    check(raw) {
      if (raw === true || raw === 'true') return { ok: true, value: true };
      return raw === false || raw === 'false' ? { ok: true, value: false } : no;
    },
  };
}

export function timeZone(options: Common<string>): Key<string> {
  return {
    ...named(options),
    default: options.default,
    help: options.help,
    allowed: 'a zone such as Europe/London, or an offset such as +01:00',
    check(raw) {
      if (typeof raw !== 'string') return no;
      try {
        zoneOffset(raw);
        return { ok: true, value: raw };
      } catch {
        return no;
      }
    },
  };
}

/**
 * `null` when it is not set. Logs and errors quote the address, so it must not contain a user or a
 * password.
 */
export function httpUrl(options: Omit<Common<null>, 'default'>): Key<string | null> {
  return {
    ...named(options),
    default: null,
    help: options.help,
    allowed: 'an address such as http://127.0.0.1:6333, without user, password, query or fragment',
    check(raw) {
      if (raw === null) return { ok: true, value: null };
      const url = typeof raw === 'string' ? URL.parse(raw) : null;
      if (typeof raw !== 'string' || url === null || !/^https?:$/.test(url.protocol)) return no;
      return url.username === '' && url.password === '' && url.search === '' && url.hash === ''
        ? { ok: true, value: raw }
        : no;
    },
  };
}

/** A credential, of printable ASCII, so that it fits into a header. Not set by default. */
export function secret(options: {
  readonly help: string;
  readonly env: string;
}): Key<string | null> {
  return {
    default: null,
    help: options.help,
    env: options.env,
    flag: null,
    live: false,
    secret: true,
    allowed: '1 to 512 printable ASCII characters without spaces',
    check(raw) {
      if (raw === null) return { ok: true, value: null };
      return typeof raw === 'string' && /^[\x21-\x7e]{1,512}$/.test(raw)
        ? { ok: true, value: raw }
        : no;
    },
  };
}
