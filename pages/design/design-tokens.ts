// The tokens of the design system, which style.css and components.css define for light and dark.

/** Each colour with what it is for. */
export const colours = {
  '--page': 'behind everything',
  '--surface': 'cards',
  '--sunken': 'fields, code',
  '--line': 'separates',
  '--line-strong': 'edges of fields',
  '--ink': 'text',
  '--quiet': 'text beside it',
  '--accent': 'links, actions',
  '--accent-strong': 'the same, pointed at',
  '--on-accent': 'text on accent',
  '--accent-soft': 'what is chosen',
  '--good': 'all is well',
  '--good-soft': 'behind it',
  '--warn': 'a warning',
  '--warn-soft': 'behind it',
  '--bad': 'trouble',
  '--bad-soft': 'behind it',
  '--line-1': 'first line of a chart',
  '--line-2': 'second line',
  '--line-3': 'third line',
} as const;

export const forms = {
  '--shadow': 'below cards',
  '--radius': 'corners of cards',
  '--radius-small': 'corners of fields',
} as const;
