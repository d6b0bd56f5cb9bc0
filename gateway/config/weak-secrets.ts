// Recognises secrets that can be guessed: those that are short or repetitive, and those that this
// project has published as examples.

/** Example values of this project's own files, now or in an earlier version. */
const published: ReadonlySet<string> = new Set([
  'local-api-key',
  'local-prometheus-key',
  'local-runner-token',
  'local-qdrant-key',
]);

const secretLengthMin = 16;
const differentCharactersMin = 8;

/** Why the secret must not protect a gateway that other machines reach; `null`: it may. */
export function weaknessOf(secret: string): string | null {
  if (published.has(secret)) return 'is published in the files of this project';
  if (secret.length < secretLengthMin) return `has less than ${secretLengthMin} characters`;
  return new Set(secret).size < differentCharactersMin
    ? `has less than ${differentCharactersMin} different characters`
    : null;
}
