"""Records the reference's token ids: a checksum for each string and for each block of strings.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    node test/runner/tokenizer-strings.ts |
      venv/bin/python scripts/record-token-ids.py models/all-MiniLM-L6-v2/tokenizer.json \
        > test/fixtures/token-ids.json
"""

import base64
import json
import sys
from importlib.metadata import version

from tokenizers import Tokenizer

BLOCK = 64


def checksum(ids, start):
    """FNV-1a over the ids, 32 bits."""
    value = start
    for token in ids:
        for byte in (token & 255, token >> 8):
            value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
texts = [json.loads(line) for line in sys.stdin]
ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
strings = bytes(checksum(row, 0x811C9DC5) & 255 for row in ids)
blocks = b""
for first in range(0, len(ids), BLOCK):
    value = 0x811C9DC5
    for row in ids[first : first + BLOCK]:
        value = checksum(row, value)
    blocks += value.to_bytes(4, "little")
record = {
    "reference": f"tokenizers {version('tokenizers')} (PyPI)",
    "strings": len(ids),
    "blockSize": BLOCK,
    "stringChecksums": base64.b64encode(strings).decode(),
    "blockChecksums": base64.b64encode(blocks).decode(),
}
print(json.dumps(record))
