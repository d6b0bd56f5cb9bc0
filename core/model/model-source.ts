// Reads a model setting that is the id of a model on the Hugging Face hub, and names the folder
// that it gets.

export type HubModel = {
  /** `organisation/name` */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
};

/**
 * `null` for what can only be a folder. A folder that is there goes before a model of the same
 * name.
 *
 *     hubModelOf('Xenova/bge-small-en-v1.5'); // { id: 'Xenova/bge-small-en-v1.5', revision: 'main' }
 *     hubModelOf('Xenova/bge-small-en-v1.5@v2'); // { id: 'Xenova/bge-small-en-v1.5', revision: 'v2' }
 *     hubModelOf('./models/mine'); // null
 */
export function hubModelOf(setting: string): HubModel | null {
  const [, id, revision = mainBranch] = pattern.exec(setting) ?? [];
  return id === undefined || setting.includes('..') ? null : { id, revision };
}

/** Different for every model and revision: a name on the hub has no `--`. */
export function hubFolderName({ id, revision }: HubModel): string {
  return (revision === mainBranch ? id : `${id}/${revision}`).replaceAll('/', '--');
}

const mainBranch = 'main';
const pattern =
  /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,95}))?$/;
