// Lists and downloads a model's files from Hugging Face; a failure is explained in one line.

import { z } from 'zod';
import { UsageError, VectorStreamError } from '#core/errors/errors.ts';
import type { HuggingFaceModel } from '#core/model/model-source.ts';
import { systemClock } from '#core/time/clock.ts';
import { retry } from '#core/time/retry.ts';

/** Hugging Face cannot be reached, or its answer is wrong. */
export class HuggingFaceError extends VectorStreamError {
  override readonly name = 'HuggingFaceError';
  readonly code = 'model_hub';
  readonly retryable: boolean;
  constructor(message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

export type HuggingFaceFile = {
  readonly path: string;
  readonly size: number;
  /** `null` for a small file, which git itself stores under `blobId`. */
  readonly sha256: string | null;
  /** SHA-1 of the file as git's blob. */
  readonly blobId: string;
};

export type HuggingFaceListing = {
  readonly id: string;
  readonly commit: string;
  /** Files by path. */
  readonly files: ReadonlyMap<string, HuggingFaceFile>;
  readonly licence: string;
  /** The model that this one was made from, if its card names just one. */
  readonly baseModel: string | null;
};

export type HuggingFaceApi = {
  readonly host: string;
  /** @throws UsageError for a model that does not exist or needs a token; HuggingFaceError */
  list(model: HuggingFaceModel): Promise<HuggingFaceListing>;
  /**
   * The file's bytes from `start`, or all of them (status 200) when the server ignores ranges.
   *
   * @throws UsageError, HuggingFaceError
   */
  open(listing: HuggingFaceListing, file: HuggingFaceFile, start: number): Promise<Response>;
};

const unknownLicence = 'see the model card';

const listingSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().min(0).default(0),
      blobId: z.string().default(''),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).nullish(),
    }),
  ),
  // Written by people: an unexpected value counts as absent.
  cardData: z
    .object({
      license: z.string().catch(unknownLicence),
      base_model: z.union([z.string(), z.array(z.string())]).catch([]),
    })
    .partial()
    .nullish()
    .catch(null),
});

/**
 * `endpoint`: such as `https://huggingface.co`; `token`: for private or gated models.
 *
 * @throws UsageError
 */
export function createHuggingFaceApi({
  endpoint,
  token,
}: {
  readonly endpoint: string;
  readonly token: string | null;
}): HuggingFaceApi {
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new UsageError(
      `HF_ENDPOINT is "${endpoint}": expected an address such as https://huggingface.co.`,
    );
  const base = endpoint.replace(/\/+$/, '');
  const { host } = new URL(endpoint);
  // `fetch` drops the token when it follows a redirect to another host.
  const authorization: Record<string, string> =
    token === null ? {} : { authorization: `Bearer ${token}` };

  const get = async (
    path: string,
    what: string,
    headers: Record<string, string>,
  ): Promise<Response> => {
    const response = await fetch(`${base}/${path}`, {
      headers: { 'accept-encoding': 'identity', ...authorization, ...headers },
    }).catch((cause: unknown) => {
      throw new HuggingFaceError(
        `${what} cannot be downloaded: ${host} cannot be reached (${reasonOf(cause)}).`,
        { retryable: true, cause },
      );
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw refusal(response, what, host, token !== null);
  };

  return {
    host,
    async list({ id, revision }) {
      const what = revision === 'main' ? id : `${id}@${revision}`;
      const answer = await retryHuggingFace(async () => {
        const response = await get(
          `api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`,
          what,
          {},
        );
        return response.json().catch(() => null);
      });
      const { data, error } = listingSchema.safeParse(answer);
      if (data === undefined)
        throw new HuggingFaceError(
          `${what} cannot be downloaded: ${host} does not answer like the Hugging Face hub ` +
            `(unexpected ${error.issues[0]?.path.join('.') || 'JSON'}).`,
          { retryable: false },
        );
      const files = data.siblings.map(
        ({ rfilename: path, size, blobId, lfs }): HuggingFaceFile => ({
          path,
          size: lfs?.size ?? size,
          sha256: lfs?.sha256 ?? null,
          blobId,
        }),
      );
      const [baseModel, ...others] = [data.cardData?.base_model ?? []].flat();
      return {
        id,
        commit: data.sha,
        files: new Map(files.map((file) => [file.path, file])),
        licence: data.cardData?.license ?? unknownLicence,
        baseModel: others.length === 0 ? (baseModel ?? null) : null,
      };
    },
    open({ id, commit }, { path }, start) {
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      const address = `${id}/resolve/${commit}/${encoded}`;
      return get(address, `${id}/${path}`, start > 0 ? { range: `bytes=${start}-` } : {});
    },
  };
}

/** Tries an operation up to four times while its error is retryable. */
export function retryHuggingFace<T>(operation: () => Promise<T>): Promise<T> {
  return retry(operation, {
    policy: { attemptsMax: 4, delayMs: 500, delayMsMax: 4_000 },
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    retryable: (error) => error instanceof HuggingFaceError && error.retryable,
  });
}

/** The innermost cause, because `fetch failed` alone says nothing. */
export function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error)) return String(inner);
  return 'code' in inner && typeof inner.code === 'string' ? inner.code : inner.message;
}

function refusal(
  { status, headers }: Response,
  what: string,
  host: string,
  withToken: boolean,
): VectorStreamError {
  const code = headers.get('x-error-code');
  if (code === 'GatedRepo' || status === 403) {
    return new UsageError(
      `${what} is gated: accept its terms on ${host} ` +
        'and set HF_TOKEN to a token of that account' +
        `${withToken ? ' (the present token is refused)' : ''}.`,
    );
  }
  if (code === 'RevisionNotFound')
    return new UsageError(
      `${what} is not on ${host}: give a branch, tag or commit of the model after the @.`,
    );
  if (status === 401 || status === 404) {
    return new UsageError(
      `${what} is neither a folder here nor a model on ${host} (${status}): check its spelling` +
        `${withToken ? ' and what HF_TOKEN may read' : '; a private model needs HF_TOKEN'}.`,
    );
  }
  return new HuggingFaceError(`${what} cannot be downloaded: ${host} answers ${status}.`, {
    retryable: status === 429 || status >= 500,
  });
}
