// The kind of a text that was blanked: no search asks for it, and it counts as unknown.

/** In place of `query`. */
export const erasedKind = 'erased';
