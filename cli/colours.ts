// Colours on a terminal, none in a pipe or where NO_COLOR asks for none.

import { styleText } from 'node:util';

type Styled = (text: string) => string;

export const bold: Styled = (text) => styleText('bold', text);
export const dim: Styled = (text) => styleText('dim', text);
export const green: Styled = (text) => styleText('green', text);
export const yellow: Styled = (text) => styleText('yellow', text);
export const cyan: Styled = (text) => styleText('cyan', text);
