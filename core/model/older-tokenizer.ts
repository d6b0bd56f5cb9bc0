// Knows the texts to which older versions of VectorStream gave other token ids, so that their
// vectors are made again, and never by a runner of such a version.

/**
 * Whether the text may have had other ids, and so a wrong vector, under a compatible revision with
 * an `older` tokenizer. Never `false` for a text that had; a few that had the right ids are
 * included.
 *
 * That tokenizer wrote ς at the end of a Greek word in capitals, where the reference writes σ, and
 * did not set ideographs beyond U+FFFF apart.
 */
export const hasOtherIds = (text: string): boolean => pattern.test(text);

const pattern = /Σ|[\u{20000}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/u;
