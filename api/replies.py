"""JSON answers: instants as RFC 3339 with Z, days as dates, text as UTF-8."""

from typing import Any

import msgspec
from starlette.responses import Response


class Json(Response):
    """Encodes what the database gave, without a detour over a model."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)
