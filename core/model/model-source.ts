// Reads a model setting that is the id of a model on Hugging Face, and names the folder that the
// model gets.

export type HuggingFaceModel = {
  /** `organisation/name` */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
};

/**
 * `null` for a setting that can only be a folder. If a folder of that name exists, callers prefer
 * it to the model.
 *
 *     huggingFaceModelOf('Xenova/bge-small'); // { id: 'Xenova/bge-small', revision: 'main' }
 *     huggingFaceModelOf('Xenova/bge-small@v2'); // { id: 'Xenova/bge-small', revision: 'v2' }
 *     huggingFaceModelOf('./models/mine'); // null
 */
export function huggingFaceModelOf(setting: string): HuggingFaceModel | null {
  const [, id, revision = mainBranch] = pattern.exec(setting) ?? [];
  return id === undefined || setting.includes('..') ? null : { id, revision };
}

/** Different for every model and revision, because no name on Hugging Face contains `--`. */
export function huggingFaceFolderName({ id, revision }: HuggingFaceModel): string {
  return (revision === mainBranch ? id : `${id}/${revision}`).replaceAll('/', '--');
}

const mainBranch = 'main';
const pattern =
  /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,95}))?$/;
