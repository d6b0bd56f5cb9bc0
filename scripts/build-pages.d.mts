// The types of build-pages.mjs, which runs on Node 20 and so cannot be TypeScript itself.

export declare const sources: readonly string[];
export declare function buildPages(root: string): Promise<boolean>;
