// Reads a model setting that is the id of a model on the Hugging Face hub, and names the folder
// that it gets.

export type HuggingFaceModel = {
  /** `organisation/name` */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
};

/**
 * `null` for what can only be a folder. A folder that is there goes before a model of the same
 * name.
 *
 *     huggingFaceModelOf('Xenova/bge-small-en-v1.5'); // { id: 'Xenova/bge-small-en-v1.5', revision: 'main' }
 *     huggingFaceModelOf('Xenova/bge-small-en-v1.5@v2'); // { id: 'Xenova/bge-small-en-v1.5', revision: 'v2' }
 *     huggingFaceModelOf('./models/mine'); // null
 */
export function huggingFaceModelOf(setting: string): HuggingFaceModel | null {
  const [, id, revision = mainBranch] = pattern.exec(setting) ?? [];
  return id === undefined || setting.includes('..') ? null : { id, revision };
}

/** Different for every model and revision: a name on the hub has no `--`. */
export function huggingFaceFolderName({ id, revision }: HuggingFaceModel): string {
  return (revision === mainBranch ? id : `${id}/${revision}`).replaceAll('/', '--');
}

const mainBranch = 'main';
const pattern =
  /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,95}))?$/;
