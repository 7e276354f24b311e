"""One form for JSON whose bytes are hashed or signed: sorted keys, no spaces, UTF-8."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    said = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return said.encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
