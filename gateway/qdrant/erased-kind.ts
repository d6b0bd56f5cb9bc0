// The kind of a text that was blanked: no search asks for it, and it counts as unknown.

/** The kind of an erased text, in place of `query`. */
export const erasedKind = 'erased';
