"""What Schemathesis cannot know of this API: how lines of events are written, and what exists."""

import json
import os
from urllib.request import urlopen

import schemathesis

gateway = os.environ["GATEWAY_URL"]
known = json.loads(os.environ["KNOWN_IDS"])


@schemathesis.serializer("application/x-ndjson")
def lines_of_events(context, value):
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", errors="surrogateescape")


def ids_of(path):
    if path.startswith("/runners/"):
        # A new one for every connection.
        with urlopen(f"{gateway}/runners", timeout=10) as answer:
            return [runner["id"] for runner in json.load(answer)["items"]]
    return known.get(path)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """About every second call is about something that exists."""
    length = sum(len(str(value)) for value in (path_parameters or {}).values())
    ids = ids_of(context.operation.path) if path_parameters and length % 2 == 0 else None
    return {name: ids[length // 2 % len(ids)] for name in path_parameters} if ids else path_parameters


@schemathesis.hook
def map_body(context, body):
    """Mostly, texts are for the model that is served, and a search is for one thing."""
    if context.operation.path == "/v1/embeddings" and isinstance(body, dict) and len(str(body)) % 4 != 0:
        return {**body, "model": known["/v1/models/{model}"][0]}
    if context.operation.path == "/search" and isinstance(body, dict) and len(str(body)) % 4 != 0:
        rest = {name: value for name, value in body.items() if name not in ("vector", "text_id", "unlike_text_id")}
        return {**rest, "query": body.get("query", "kettle")}
    return body
