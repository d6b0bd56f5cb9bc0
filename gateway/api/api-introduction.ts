// The first page of the API reference: what to send first, and how to identify oneself.

/** Markdown. */
export const apiIntroduction = `Turns a stream of e-commerce behaviour events into a live,
searchable vector index.

## Quick start

Send an event. It is searchable a moment later:

\`\`\`sh
curl -s localhost:8080/events -H 'content-type: application/json' -d '{
  "event_id": "my-first-event", "event_type": "view", "user_id": "me", "session_id": "s-1",
  "timestamp": "'"$(date -u +%FT%TZ)"'",
  "product": {"id": "p-1", "name": "Solar lantern", "description": "Lights the garden",
              "category": "Garden", "price": 24.5}}'
\`\`\`

Search by meaning. The words need not occur in the product:

\`\`\`sh
curl -s localhost:8080/search -H 'content-type: application/json' \\
  -d '{"query": "a lamp for outside", "limit": 3}'
\`\`\`

Every call below has an example, and can be tried here.

## Who may call what

On the machine of the gateway no key is needed, unless one is configured. Elsewhere, send a key
with every call, as \`Authorization: Bearer KEY\` or as \`X-API-Key: KEY\`. A key has scopes, and
each call says which one it requires. Without a key the answer is 401, and 403 when the key may do
something else. Whoever runs the gateway hands out keys (\`VECTORSTREAM_API_KEY\`,
\`VECTORSTREAM_API_KEYS\`).

## Errors and limits

Every error is a problem document (RFC 9457): \`detail\` says what is wrong and what to do,
\`code\` is for programs. 429 and 503 carry \`Retry-After\`. Lists answer \`items\` and
\`next_cursor\`.
`;
