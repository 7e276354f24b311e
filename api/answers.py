"""JSON answers: instants as RFC 3339 with Z, days as ISO dates, bytes as base64, NaN as null, numbers as numbers."""

from typing import Any

import msgspec
from starlette.responses import Response

encode = msgspec.json.Encoder(decimal_format="number").encode


class Answer(Response):
    """`content` as JSON, written by msgspec: a map's 700 vehicles cost a millisecond, not fifty."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode(content)
